"""What was signed is taken by the program that hosts run; whatever is not quite that is refused, with the reason."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from runbook.chapters.signing.keys import FILES, Keys, find_keys, make_keys, private
from runbook.chapters.signing.statement import Origin, Source, digests, statement
from runbook.entries import entries
from runbook.errors import Blocked, RunbookError
from runbook.journal import Journal
from runbook.pki.envelope import ECDSA, SM2, moment, opened, trust_text, wrapped
from runbook.remote.local import LocalShell
from tests.chapters.signing.conftest import NOW

NAME = "users"
Check = Callable[..., str]


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(b"\x7fELF and what else there is" * 100)
    return path


def told(path: Path, days: int = 30, name: str = NAME) -> bytes:
    origin = Origin("https://example.test/build", {"service": name}, (Source("sources", {"sha256": "ab" * 32}),))
    return statement({name: digests(path)}, origin, run="a-run", at=NOW, until=NOW + timedelta(days=days))


@pytest.fixture
def check(programs: tuple[Path, Path], keys: Keys, local: LocalShell, artefact: Path, tmp_path: Path) -> Check:
    """What the verifier says; by default of what was signed as it should be."""

    def say(*, envelope: str | None = None, trust: str | None = None, at: object = NOW, name: str = NAME,
            path: Path = artefact) -> str:
        (tmp_path / "envelope").write_text(keys.sign(told(artefact), local) if envelope is None else envelope)
        (tmp_path / "trust").write_text(keys.trust if trust is None else trust)
        words = [programs[1], "-trust", tmp_path / "trust", "-envelope", tmp_path / "envelope", "-name", name,
                 "-at", moment(at), path]  # type: ignore[arg-type]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30)
        assert (done.returncode, bool(done.stdout), bool(done.stderr)) in {(0, True, False), (1, False, True)}
        return (done.stdout + done.stderr).strip()

    return say


def test_what_was_signed_is_taken(check: Check) -> None:
    assert check() == "users is what was signed"


def test_a_changed_byte_is_refused(check: Check, artefact: Path, keys: Keys, local: LocalShell) -> None:
    envelope = keys.sign(told(artefact), local)
    data = bytearray(artefact.read_bytes())
    data[-1] ^= 1
    artefact.write_bytes(data)
    assert check(envelope=envelope).startswith("refused: users was changed after it was signed: its s")


def test_a_changed_statement_is_refused(check: Check, artefact: Path, keys: Keys, local: LocalShell) -> None:
    seen = opened(keys.sign(told(artefact), local))
    other = seen.payload.replace(b"a-run", b"b-run")
    assert "does not hold: the statement or the signature was changed" in check(
        envelope=wrapped(other, seen.signatures))


@pytest.mark.parametrize("algorithm", [ECDSA, SM2])
def test_each_of_the_two_signatures_has_to_hold(
    check: Check, artefact: Path, keys: Keys, local: LocalShell, algorithm: str
) -> None:
    seen = opened(keys.sign(told(artefact), local))
    own = next(key.id for key in keys.public if key.algorithm == algorithm)
    spoilt = {**seen.signatures, own: next(one for key, one in seen.signatures.items() if key != own)}
    assert f"the {algorithm} signature by key {own[:12]} does not hold" in check(
        envelope=wrapped(seen.payload, spoilt))
    without = {key: one for key, one in seen.signatures.items() if key != own}
    assert f"no {algorithm} signature by a key that is trusted" in check(envelope=wrapped(seen.payload, without))


def test_no_signature_is_refused(check: Check, artefact: Path) -> None:
    assert "no signature: the envelope has none" in check(envelope=wrapped(told(artefact), {}))
    assert "no signature: the envelope cannot be read" in check(envelope="")
    assert 'no signature: the envelope holds ""' in check(envelope="{}")


def test_a_wrong_key_is_refused(
    check: Check, artefact: Path, programs: tuple[Path, Path], local: LocalShell, tmp_path: Path
) -> None:
    others = make_keys(tmp_path / "others", programs[0], local, at=NOW, lifetime=timedelta(days=90))
    assert "by a key that is trusted: it is signed by [" in check(envelope=others.sign(told(artefact), local))


def test_a_key_with_anothers_name_is_refused(check: Check, keys: Keys, programs: tuple[Path, Path],
                                             local: LocalShell, tmp_path: Path) -> None:
    others = make_keys(tmp_path / "others", programs[0], local, at=NOW, lifetime=timedelta(days=90))
    mixed = tuple(replace(own, pem=other.pem) for own, other in zip(keys.public, others.public, strict=True))
    assert "is not the one that its id names" in check(trust=trust_text(mixed))


def test_an_expired_signature_is_refused(check: Check, artefact: Path, keys: Keys, local: LocalShell) -> None:
    envelope = keys.sign(told(artefact, days=30), local)
    assert "what was signed" in check(envelope=envelope, at=NOW + timedelta(days=29))
    assert check(envelope=envelope, at=NOW + timedelta(days=30)) == \
        "refused: the signature expired on 2027-03-31T12:00:00Z, and now is 2027-03-31T12:00:00Z"


def test_an_expired_key_is_refused_and_one_that_is_not_valid_yet(check: Check, artefact: Path, keys: Keys,
                                                                 local: LocalShell) -> None:
    envelope = keys.sign(told(artefact, days=1000), local)
    assert "expired on 2027-05-30T12:00:00Z" in check(envelope=envelope, at=NOW + timedelta(days=91))
    assert "is not valid before 2027-03-01T11:55:00Z" in check(envelope=envelope, at=NOW - timedelta(hours=1))


def test_a_signed_file_does_not_pass_for_another(check: Check) -> None:
    assert check(name="etcd") == "refused: the statement is not about etcd"


def test_a_trust_that_asks_for_nothing_is_none(check: Check) -> None:
    assert "ask for no signature at all" in check(trust=json.dumps({"schema": 1, "need": [], "keys": []}))


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here: setup/prepare installs it")
def test_openssl_finds_both_signatures_good(keys: Keys, local: LocalShell, artefact: Path, tmp_path: Path) -> None:
    """As docs/signing.md shows it: a program that shares no line with ours."""
    seen = opened(keys.sign(told(artefact), local))
    signed = tmp_path / "message"
    signed.write_bytes(b"DSSEv1 28 application/vnd.in-toto+json %d " % len(seen.payload) + seen.payload)
    for key, options in zip(keys.public, (["-sha256"], ["-sm3", "-sigopt", "distid:1234567812345678"]), strict=True):
        (tmp_path / "key").write_text(key.pem)
        (tmp_path / "signature").write_bytes(seen.signatures[key.id])
        said = subprocess.run(["openssl", "dgst", *options, "-verify", tmp_path / "key", "-signature",
                               tmp_path / "signature", signed], capture_output=True, text=True, timeout=30)
        assert said.stdout.strip() == "Verified OK", said


def test_both_digests_are_those_of_other_programs(artefact: Path) -> None:
    found = digests(artefact)
    for algorithm in ("sha256", "sm3"):
        said = subprocess.run(["openssl", "dgst", f"-{algorithm}", "-r", artefact], capture_output=True, text=True)
        assert said.stdout.partition(" ")[0] == found[algorithm]


def test_private_keys_are_for_their_owner_alone_and_stand_in_no_journal(
    keys: Keys, local: LocalShell, artefact: Path, journal: Journal
) -> None:
    keys.sign(told(artefact), local)
    kept = b"".join(path.read_bytes() for path in journal.path.parent.rglob("*") if path.is_file())
    assert entries(journal.path)
    assert keys.folder.stat().st_mode & 0o777 == 0o700
    for name in FILES.values():
        assert (keys.folder / name).stat().st_mode & 0o777 == 0o600
        for line in (keys.folder / name).read_text().splitlines()[1:-1]:
            assert line.encode() not in kept and base64.b64decode(line + "=" * (-len(line) % 4)) not in kept
    assert "PRIVATE" not in keys.trust and str(keys).startswith("ecdsa-p256-sha256 key")


def test_a_key_that_others_may_read_is_not_used(keys: Keys, local: LocalShell, artefact: Path) -> None:
    (keys.folder / FILES[SM2]).chmod(0o640)
    with pytest.raises(Blocked, match="mode 0640: others may read this private key"):
        keys.sign(told(artefact), local)
    with pytest.raises(Blocked, match="0640"):
        find_keys(keys.folder, keys.sm2)
    with pytest.raises(Blocked, match="no key to sign with") as error:
        private(keys.folder / "nothing")
    assert "new-keys" in error.value.next


def test_a_key_is_never_replaced(keys: Keys, local: LocalShell) -> None:
    before = {name: (keys.folder / name).read_bytes() for name in FILES.values()}
    with pytest.raises(RunbookError, match="there is a key already"):
        make_keys(keys.folder, keys.sm2, local, at=NOW, lifetime=timedelta(days=1))
    assert {name: (keys.folder / name).read_bytes() for name in FILES.values()} == before
    assert find_keys(keys.folder, keys.sm2).public == keys.public
