"""Whether a run's signatures still hold: each envelope by the trusted keys, and what it is about by its digest."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runbook.chapters.signing.keys import TRUST
from runbook.chapters.signing.seal import ENDING
from runbook.chapters.signing.statement import digests
from runbook.pki.envelope import ECDSA, Envelope, PublicKey, ecdsa_holds, message, opened, trusted
from runbook.remote.command import Script
from runbook.remote.local import LocalShell
from runbook.remote.unrecorded import Unrecorded

OPENSSL = Script("""
command -v openssl >/dev/null 2>&1 || exit 77
openssl dgst -sm3 -sigopt distid:1234567812345678 -verify "$1" -signature "$2" "$3" 2>&1 || exit 1
""", also={1: "the signature does not hold, or this openssl has no SM2", 77: "there is no openssl"})
"""SM2 by a program that shares no line with what signed: the default identity of GB/T 35276."""
HOLDS = "Verified OK"
CAPABLE = Script("""
command -v openssl >/dev/null 2>&1 || exit 77
cd "$1" || exit
exec 2>/dev/null
openssl genpkey -algorithm SM2 -out own || openssl ecparam -name SM2 -genkey -noout -out own || exit 1
openssl pkey -in own -pubout -out public && printf x >text &&
  openssl dgst -sm3 -sigopt distid:1234567812345678 -sign own -out signed text &&
  openssl dgst -sm3 -sigopt distid:1234567812345678 -verify public -signature signed text || exit 1
""", also={1: "it has no SM2", 77: "there is no openssl"})
"""A key of its own, signed with and checked: only an openssl that can do that may say of another that it is wrong."""


@dataclass(frozen=True)
class Signatures:
    """`held` envelopes of which all signatures were found good; `wrong` by the envelope's file; `unchecked` why."""

    held: int
    wrong: tuple[tuple[str, str], ...]
    unchecked: str = ""
    expired: int = 0

    def __str__(self) -> str:
        if not self.held and not self.wrong:
            return "signatures: none in this run"
        told = f"signatures: {self.held} statements, each signature holds"
        if self.wrong:
            told = f"signatures: {self.held} statements hold, {len(self.wrong)} do not"
        told += f"; those of SM2 were not checked: {self.unchecked}" if self.unchecked else ""
        return told + (f"; {self.expired} have expired since" if self.expired else "")


def signatures_of(folder: Path, paths: Iterable[str], trust: Path | None = None) -> Signatures:
    """Those of the run's artefacts that are envelopes, by the keys in `trust`, else by the run's own.

    The run's own keys show that nothing was altered by somebody without them; keys that came another way show who.
    """
    envelopes = [path for path in paths if path.endswith(ENDING)]
    if not envelopes:
        return Signatures(0, ())
    file = trust or folder / "artifacts" / TRUST
    try:
        keys = trusted(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        return Signatures(0, tuple((path, f"the trusted keys cannot be read: {error}") for path in envelopes))
    by_sm2 = _asked_openssl(folder, envelopes, keys)
    wrong: list[tuple[str, str]] = []
    expired = 0
    for path in envelopes:
        try:
            seen = opened((folder / path).read_text("utf-8"))
            said = [*_wrong_signatures(seen, keys, by_sm2.get(path)), *_wrong_subjects(folder, seen)]
            expired += _expired(seen)
        except (OSError, ValueError, KeyError, TypeError) as error:
            said = [str(error)]
        if said:
            wrong.append((path, "; ".join(said)))
    needed = any(key.algorithm != ECDSA for key in keys)
    unchecked = "there is no openssl here, or it has no SM2" if needed and not by_sm2 else ""
    return Signatures(len(envelopes) - len(wrong), tuple(wrong), unchecked, expired)


def _wrong_signatures(seen: Envelope, keys: Sequence[PublicKey], by_sm2: bool | None) -> Iterator[str]:
    signed = message(seen.payload)
    if not keys:
        yield "no key is trusted"
    for key in keys:
        if key.id not in seen.signatures:
            yield f"no signature by the {key}"
        elif key.algorithm == ECDSA and not ecdsa_holds(key, signed, seen.signatures[key.id]):
            yield f"the signature by the {key} does not hold"
        elif key.algorithm != ECDSA and by_sm2 is False:
            yield f"the signature by the {key} does not hold"


def _wrong_subjects(folder: Path, seen: Envelope) -> Iterator[str]:
    """Of what is among the run's artefacts; what only lies in the builds' cache has its digest in the statement."""
    for subject in seen.statement["subject"]:  # type: ignore[attr-defined]
        name = str(subject["name"])
        path = folder / "artifacts" / name
        if "/" in name or not path.is_file():
            continue
        if digests(path) != subject["digest"]:
            yield f"{name} is not what was signed"


def _expired(seen: Envelope) -> bool:
    told = seen.statement["predicate"]["runDetails"]["metadata"]["runbook_expiresOn"]  # type: ignore[index]
    return datetime.fromisoformat(told) <= datetime.now(UTC)


def _asked_openssl(folder: Path, envelopes: Iterable[str], keys: Sequence[PublicKey]) -> dict[str, bool]:
    """By the envelope's path; nothing where there is no openssl, or one that refuses its own SM2 signatures."""
    key = next((one for one in keys if one.algorithm != ECDSA), None)
    found: dict[str, bool] = {}
    if key is None:
        return found
    with tempfile.TemporaryDirectory() as scratch:
        shell = LocalShell(Unrecorded())
        files = [Path(scratch) / name for name in ("key", "signature", "message")]
        files[0].write_text(key.pem)
        if shell.run(CAPABLE.command(scratch)).exit_code:
            return found
        for path in envelopes:
            try:
                seen = opened((folder / path).read_text("utf-8"))
            except (OSError, ValueError):
                continue  # the caller says so
            if key.id in seen.signatures:
                files[1].write_bytes(seen.signatures[key.id])
                files[2].write_bytes(message(seen.payload))
                found[path] = HOLDS in shell.run(OPENSSL.command(*map(str, files))).text
    return found
