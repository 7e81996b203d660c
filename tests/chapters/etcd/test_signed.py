"""No program of etcd is started that is not what was signed by a key that counts: its host checks it before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook.chapters.etcd import door
from runbook.chapters.etcd.decide import member
from runbook.chapters.etcd.layout import CTL, PROGRAM, UTL
from runbook.chapters.etcd.observe import UNIT_STATE
from runbook.chapters.etcd.sign import Signed
from runbook.chapters.etcd.wanted import Wanted
from runbook.chapters.signing.keys import make_keys
from runbook.chapters.signing.on_host import Sealed, Verifier
from runbook.chapters.signing.seal import Seal
from runbook.chapters.signing.statement import digests
from runbook.errors import Blocked, CommandFailed
from runbook.pki.envelope import opened, wrapped
from runbook.plan import Place, Run
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.remote.question import HostAnswers
from runbook.run import Run as OfTheSite
from runbook.site import load_site
from runbook.testbed.bed import Bed
from tests.chapters.etcd.rooms import Room
from tests.chapters.signing.conftest import programs as programs  # the fixture

Spoil = Callable[[Wanted], Wanted]


@pytest.fixture
def room(bed: Bed, reports: Path) -> Iterator[Room]:
    """A run of its own on bare hosts, which are bare again after the test."""
    found = Room(OfTheSite.start(load_site(bed.site_file)))
    yield found
    assert found.take_back() == []
    assert found.left() == {}


@pytest.fixture
def sealed(wanted: Callable[..., Wanted], tmp_path: Path) -> Callable[..., Wanted]:
    """The wanted cluster with seals that nobody checks here: for plans."""
    for name in ("verify", "envelope", "trust"):
        (tmp_path / name).write_text(name)
    check = Verifier(tmp_path / "verify", digests(tmp_path / "verify")["sha256"])

    def made() -> Wanted:
        one = wanted()
        built = (one.programs.etcd, one.programs.etcdutl, *one.programs.etcdctl.values())
        return replace(one, seals={program.sha256: Sealed(
            Seal(program.path.name, tmp_path / "envelope", tmp_path / "trust"), {"node1": check}) for program in built})

    return made


def test_each_programs_check_stands_behind_its_place_and_before_the_start(
    bare: Callable[..., HostAnswers], sealed: Callable[..., Wanted]
) -> None:
    plan = member(bare(), sealed(), Signed())
    acts = [action for step in plan for action in step.do]
    runs = {at: one.words for at, one in enumerate(acts) if isinstance(one, Run)}
    start = next(at for at, words in runs.items() if "start --no-block" in " ".join(words))
    enable = next(at for at, words in runs.items() if "enable" in words)
    for path in (CTL, UTL, PROGRAM):
        placed = next(at for at, one in enumerate(acts) if isinstance(one, Place) and one.path == path)
        check = next(at for at, words in runs.items() if words[0].endswith("/verify") and words[-1] == path)
        assert placed < check < enable < start, path


def test_a_stopped_member_is_checked_again_before_it_is_started_again(
    converged: Callable[..., HostAnswers], sealed: Callable[..., Wanted]
) -> None:
    assert not member(converged(), sealed(), Signed()), "what runs as wanted is left alone"
    unit = replace(converged()[UNIT_STATE], active="inactive", sub="dead", pid=0)
    (step,) = member(converged(etcd_unit=unit), sealed(), Signed())
    runs = [one.words[0].rpartition("/")[2] for one in step.do if isinstance(one, Run)]
    assert runs == ["systemctl", "verify", "systemctl", "sh"]


def changed(wanted: Wanted, folder: Path) -> Wanted:
    """A byte of etcd changed between signing and placing."""
    etcd = wanted.programs.etcd
    data = bytearray(etcd.path.read_bytes())
    data[-1] ^= 1
    other = folder / "etcd"
    other.write_bytes(data)
    sha256 = digests(other)["sha256"]
    spoilt = replace(etcd, path=other, sha256=sha256)
    return replace(wanted, programs=replace(wanted.programs, etcd=spoilt),
                   seals={**wanted.seals, sha256: wanted.seals[etcd.sha256]})


def resealed(wanted: Wanted, folder: Path, envelope: Callable[[str], str]) -> Wanted:
    """Another envelope for etcd."""
    was = wanted.seals[wanted.programs.etcd.sha256]
    file = folder / "envelope.json"
    file.write_text(envelope(was.seal.envelope.read_text()))
    seal = replace(was.seal, envelope=file)
    return replace(wanted, seals={**wanted.seals, wanted.programs.etcd.sha256: replace(was, seal=seal)})


@pytest.mark.parametrize(("how", "why"), [
    ("changed", "etcd was changed after it was signed"),
    ("another key", "signature by a key that is trusted"),
    ("unsigned", "no signature: the envelope has none"),
])
def test_what_does_not_hold_stops_the_member_before_its_start(
    room: Room, programs: tuple[Path, Path], local: LocalShell, tmp_path: Path, how: str, why: str
) -> None:
    chapter = room.chapter("node1")
    seen = door.look(chapter)
    wanted = room.want(chapter, seen)
    if how == "changed":
        spoilt = changed(wanted, tmp_path)
    elif how == "unsigned":
        spoilt = resealed(wanted, tmp_path, lambda text: wrapped(opened(text).payload, {}))
    else:
        keys = make_keys(tmp_path / "others", programs[0], local, at=datetime.now(UTC), lifetime=timedelta(days=9))
        spoilt = resealed(wanted, tmp_path, lambda text: keys.sign(opened(text).payload, local))
    chapter.act(chapter.decide(door.prepare, seen, wanted))
    signed = door.signed(chapter, wanted)
    plans = chapter.decide(door.member, door.look(chapter), spoilt, signed)
    with pytest.raises(CommandFailed) as error:
        chapter.act(plans)
    assert why in str(error.value) and "verify" in error.value.what, str(error.value)
    assert "what it had done was taken back" in error.value.next
    with Fleet.open(room.run.site, hosts=("node1",), recorder=room.run.journal) as fleet:
        now = fleet["node1"].ask(UNIT_STATE)[UNIT_STATE]
        assert not now.loaded and now.pid == 0, "nothing was started"


def test_a_run_that_signed_nothing_is_stopped_before_a_host_is_touched(room: Room) -> None:
    chapter = room.chapter("node1")
    with pytest.raises(Blocked, match="etcd: nobody has signed it in this run") as refused:
        door.want(chapter, door.look(chapter))
    assert "run 03_static_compile in this run" in refused.value.next
