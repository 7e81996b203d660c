"""A run's signatures are checked again, by the run's own keys or by those that came another way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook.chapters.signing.keys import Keys, make_keys
from runbook.chapters.signing.statement import Origin, digests, statement
from runbook.remote.local import LocalShell
from runbook.remote.unrecorded import Unrecorded
from runbook.report.signatures import signatures_of
from runbook.report.verification import verify
from tests.chapters.signing.conftest import programs as programs  # the fixture

NAME, ENVELOPE = "users", "artifacts/users.intoto.json"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def keys_in(folder: Path, sm2: Path) -> Keys:
    return make_keys(folder, sm2, LocalShell(Unrecorded()), at=datetime.now(UTC), lifetime=timedelta(days=9))


@pytest.fixture
def signed(new_sample: Callable, programs: tuple[Path, Path]) -> Path:
    """A run with one artefact that its own keys have signed."""
    sample = new_sample()
    artifacts = sample.folder / "artifacts"
    artifacts.mkdir()
    (artifacts / NAME).write_bytes(b"\x7fELF")
    keys = keys_in(sample.folder / "signing", programs[0])
    until = datetime.now(UTC) + timedelta(days=9)
    text = statement({NAME: digests(artifacts / NAME)}, Origin("x", {}, ()), run="r", at=LONG_AGO, until=until)
    (sample.folder / ENVELOPE).write_text(keys.sign(text, LocalShell(Unrecorded())))
    (artifacts / "trust.json").write_text(keys.trust)
    for name in (NAME, "users.intoto.json", "trust.json"):
        path = artifacts / name
        sample.journal.write("note", about="artifact", name=name, path=f"artifacts/{name}",
                             size=path.stat().st_size, sha256=digests(path)["sha256"])
    return sample.close("passed")


def test_signatures_that_hold_are_counted(signed: Path) -> None:
    found = verify(signed)
    assert found.ok and "signatures: 1 statements, each signature holds" in str(found)
    if shutil.which("openssl"):
        assert not found.signatures.unchecked


def test_an_artefact_that_is_not_what_was_signed_is_named(signed: Path) -> None:
    (signed / "artifacts" / NAME).write_bytes(b"\x7fELG")
    found = signatures_of(signed, [ENVELOPE])
    assert found.wrong == ((ENVELOPE, "users is not what was signed"),)
    assert "users is not what was signed" in str(verify(signed)) and not verify(signed).ok


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here: setup/prepare installs it")
def test_a_changed_statement_breaks_both_signatures(signed: Path) -> None:
    import base64

    envelope = (signed / ENVELOPE).read_text()
    payload = envelope.split('"payload": "')[1].split('"')[0]
    other = base64.b64encode(base64.b64decode(payload).replace(b'"r"', b'"q"')).decode()
    (signed / ENVELOPE).write_text(envelope.replace(payload, other))
    ((_, why),) = signatures_of(signed, [ENVELOPE]).wrong
    assert why.count("does not hold") == 2 and "sm2-sm3" in why and "ecdsa" in why


def test_keys_that_came_another_way_decide(signed: Path, programs: tuple[Path, Path], tmp_path: Path) -> None:
    own = signed / "signing" / "trust.json"
    assert verify(signed, own).ok
    others = keys_in(tmp_path / "others", programs[0])
    found = verify(signed, others.folder / "trust.json")
    assert not found.ok and "no signature by the ecdsa" in str(found) and "no signature by the sm2" in str(found)


def test_an_openssl_without_sm2_is_told_and_no_pass(signed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runbook.remote.command import Script
    from runbook.report import signatures

    monkeypatch.setattr(signatures, "CAPABLE", Script("exit 77", also={77: "as where there is none"}))
    found = signatures_of(signed, [ENVELOPE])
    assert found.held == 1 and "those of SM2 were not checked: there is no openssl here" in str(found)


def test_without_trusted_keys_nothing_holds(signed: Path) -> None:
    (signed / "artifacts" / "trust.json").unlink()
    assert "the trusted keys cannot be read" in signatures_of(signed, [ENVELOPE]).wrong[0][1]


def test_an_envelope_that_is_none_is_named(signed: Path) -> None:
    (signed / ENVELOPE).write_text("{}")
    assert "no envelope" in signatures_of(signed, [ENVELOPE]).wrong[0][1]


def test_a_run_without_signatures_says_so(signed: Path) -> None:
    assert str(signatures_of(signed, ["artifacts/users"])) == "signatures: none in this run"
