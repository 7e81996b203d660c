"""Whether a run is still what was told of it: the journal's chain, its end, the logs and the artefacts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook.digest import sha256_of
from runbook.entries import Check, Entry, check, entries
from runbook.errors import RunbookError
from runbook.report.signatures import Signatures, signatures_of
from runbook.report.summary import NAME as SUMMARY


@dataclass(frozen=True)
class Wrong:
    """One thing that is no longer what the journal says, with the line that says it."""

    what: str
    line: int

    def __str__(self) -> str:
        return f"{self.what} (journal, line {self.line})"


@dataclass(frozen=True)
class Verification:
    """What was held against what, and what does not hold."""

    journal: Check
    outputs: int
    artifacts: int
    wrong: tuple[Wrong, ...]
    signatures: Signatures = Signatures(0, ())

    @property
    def ok(self) -> bool:
        return not self.wrong

    def __str__(self) -> str:
        lines = [f"journal: {self.journal}"]
        if self.journal.torn:
            lines.append("  the torn line is what a kill left; it is cut off and noted when the run goes on")
        lines.append(
            f"{self.outputs} outputs in logs/, {self.artifacts} artefacts: "
            + ("all as the journal has them" if self.ok else f"{len(self.wrong)} are not what they were")
        )
        return "\n".join([*lines, *(f"  {one}" for one in self.wrong), str(self.signatures)])


def verify(folder: Path, trust: Path | None = None) -> Verification:
    """Holds a run's folder against its journal, the journal against its summary, and its signatures against the keys.

    `trust` are the keys that count, instead of the run's own.

    Raises JournalDamaged, naming the line, where the journal itself does not hold.
    """
    journal = folder / "journal.jsonl"
    checked = check(journal, **_promised(folder))
    told = entries(journal)
    outputs = [(entry, said) for entry in told for said in _outputs(entry)]
    artifacts = [entry for entry in told if entry.kind == "note" and entry.get("about") == "artifact"]
    last = {str(entry.get("path")): entry for entry in artifacts}  # one that was made again counts as made last
    signed = signatures_of(folder, last, trust)
    wrong = [*_wrong_outputs(folder, outputs), *_wrong_artifacts(folder, last)]
    wrong += [Wrong(f"{folder / path}: {why}", last[path].line) for path, why in signed.wrong]
    return Verification(checked, len(outputs), len(last), tuple(wrong), signed)


def _promised(folder: Path) -> dict[str, object]:
    """The journal's lines and head as summary.json has them; nothing where there is no summary yet."""
    path = folder / SUMMARY
    if not path.exists():
        return {}
    try:
        journal = json.loads(path.read_text())["journal"]
        return {"lines": int(journal["lines"]), "head": str(journal["head"])}
    except (ValueError, KeyError, TypeError) as error:
        raise RunbookError(f"{path}: no summary: {error}", next="move it away, then verify again without it") from None


def _outputs(entry: Entry) -> Iterator[Mapping[str, object]]:
    for stream in ("stdout", "stderr"):
        said = entry.get(stream)
        if isinstance(said, Mapping) and said.get("log"):
            yield said


def _wrong_outputs(folder: Path, outputs: Iterable[tuple[Entry, Mapping[str, object]]]) -> Iterator[Wrong]:
    for entry, said in outputs:
        path = folder / str(said["log"])
        try:
            with path.open("rb") as log:
                log.seek(int(str(said["offset"])))
                data = log.read(int(str(said["length"])))
        except OSError as error:
            yield Wrong(f"{path}: {error.strerror}", entry.line)
            continue
        if hashlib.sha256(data).hexdigest() != said["sha256"]:
            yield Wrong(f"{path}: the output at byte {said['offset']} is another", entry.line)


def _wrong_artifacts(folder: Path, artifacts: Mapping[str, Entry]) -> Iterator[Wrong]:
    for name, entry in artifacts.items():
        path = folder / name
        try:
            found = sha256_of(path)
        except OSError as error:
            yield Wrong(f"{path}: {error.strerror}", entry.line)
            continue
        if found != entry.get("sha256"):
            yield Wrong(f"{path}: its SHA-256 is another", entry.line)
