"""On real hosts: nothing is started that is not what was signed, by a key that counts, at the host's own time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook.chapters.containers import door
from runbook.chapters.containers.container import Container
from runbook.chapters.containers.signed import is_signed
from runbook.chapters.containers.wanted import Deployment
from runbook.chapters.signing.keys import Keys, make_keys
from runbook.chapters.signing.on_host import Sealed, Verifier
from runbook.chapters.signing.seal import Seal
from runbook.chapters.signing.statement import Origin, digests, statement
from runbook.errors import CommandFailed
from runbook.journal import Journal
from runbook.pki.envelope import opened, wrapped
from runbook.plan import Place, Run
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.verdict import State
from tests.chapters.containers.test_in_containers import packed as packed  # the fixtures
from tests.chapters.containers.test_in_containers import put, take_back, traces
from tests.chapters.containers.test_in_containers import run as run_there
from tests.chapters.containers.test_on_hosts import traces as unit_traces
from tests.chapters.signing.conftest import programs as programs

NOW = datetime.now(UTC).replace(microsecond=0)
Make = Callable[..., Deployment]


@pytest.fixture
def keys(programs: tuple[Path, Path], local: LocalShell, tmp_path: Path) -> Keys:
    return make_keys(tmp_path / "keys", programs[0], local, at=NOW, lifetime=timedelta(days=9))


@pytest.fixture
def sealed(
    keys: Keys, programs: tuple[Path, Path], local: LocalShell, fleet: Fleet, tmp_path: Path
) -> Iterator[Make]:
    """A deployment with a seal; `spoil` changes the envelope."""
    check = Verifier(programs[1], digests(programs[1])["sha256"])

    def make(plain: Deployment, *, days: int = 1, spoil: Callable[[str], str] = str, by: Keys = keys) -> Deployment:
        name = plain.source.name
        told = statement({name: digests(plain.source)}, Origin("x", {}, ()), run="r", at=NOW,
                         until=NOW + timedelta(days=days))
        (tmp_path / "envelope").write_text(spoil(by.sign(told, local)))
        (tmp_path / "trust").write_text(keys.trust)
        seal = Seal(name, tmp_path / "envelope", tmp_path / "trust")
        return replace(plain, sealed=Sealed(seal, dict.fromkeys(fleet.names, check)))

    yield make


def test_a_sealed_container_is_started_checked_and_taken_back_without_a_trace(
    fleet: Fleet, packed: Container, sealed: Make, journal: Journal
) -> None:
    one = fleet.only(fleet.names[1])
    before = traces(one)
    wanted = sealed(packed)
    assert set(put(one, wanted, journal).values()) == {"applied"}
    (verdict,) = is_signed(one, wanted)
    assert verdict.state is State.PASS, verdict
    assert set(put(one, wanted, journal).values()) == {"unchanged"}

    host = one[one.names[0]]
    run_there(host, "systemctl stop runbook-chapter-box.service")
    assert set(put(one, wanted, journal).values()) == {"applied"}, "checked again before it is started again"
    run_there(host, 'printf x >>"$1"', wanted.path)
    (verdict,) = is_signed(one, wanted)
    assert verdict.state is State.FAIL and "image.tar was changed after it was signed" in verdict.reason
    run_there(host, 'truncate -s -1 "$1"', wanted.path)

    take_back(one, journal)
    assert traces(one) == before


@pytest.mark.parametrize(("how", "why"), [
    ("changed", "was changed after it was signed"),
    ("another key", "signature by a key that is trusted"),
    # The verifier's own tests have these too, without a host.
    pytest.param("unsigned", "no signature: the envelope has none", marks=pytest.mark.long),
    pytest.param("expired", "the signature expired on", marks=pytest.mark.long),
])
def test_what_does_not_hold_stops_the_deployment_before_the_start(
    fleet: Fleet, wanted: Deployment, sealed: Make, journal: Journal, programs: tuple[Path, Path], local: LocalShell,
    tmp_path: Path, how: str, why: str,
) -> None:
    """With the binary itself: containerd, which each import would restart, is not asked."""
    one = fleet.only(fleet.names[0])
    before = unit_traces(one)
    if how == "changed":
        good, data = sealed(wanted), bytearray(wanted.source.read_bytes())
        data[-1] ^= 1
        other = tmp_path / wanted.source.name
        other.write_bytes(data)
        spoilt = replace(good, source=other, sha256=digests(other)["sha256"])
    elif how == "unsigned":
        spoilt = sealed(wanted, spoil=lambda text: wrapped(opened(text).payload, {}))
    elif how == "expired":
        spoilt = sealed(wanted, days=-1)
    else:
        others = make_keys(tmp_path / "others", programs[0], local, at=NOW, lifetime=timedelta(days=9))
        spoilt = sealed(wanted, by=others)
    with pytest.raises(CommandFailed) as error:
        put(one, spoilt, journal)
    assert why in str(error.value) and "verify" in error.value.what, str(error.value)
    assert "taken back" in error.value.next
    take_back(one, journal)
    assert unit_traces(one) == before, "nothing of it is left, and nothing was started"


def test_the_check_stands_before_the_import_and_before_every_start(fleet: Fleet, packed: Container, wanted: Deployment,
                                                                   sealed: Make) -> None:
    one = fleet.only(fleet.names[0])
    for plain in (packed, wanted):
        deployment = sealed(plain)
        (answers,) = one.ask(*door.questions(deployment))
        acts = [action for step in door.on_host(answers, deployment) for action in step.do]
        check = next(at for at, one in enumerate(acts) if isinstance(one, Run) and one.words[0].endswith("/verify"))
        placed = next(at for at, one in enumerate(acts) if isinstance(one, Place) and one.path == deployment.path)
        uses = [at for at, one in enumerate(acts) if isinstance(one, Run) and {"import", "restart", "start"} &
                set(one.words) and "containerd.service" not in one.words]
        assert uses and placed < check < min(uses)
