"""The journal's entries, read back: every line is verified before anybody believes it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from runbook.errors import JournalDamaged, LockHeld, RunbookError

FIRST = "0" * 64  # `prev` of the first line
COMMON = ("seq", "time", "kind", "phase", "begin", "host", "chapter", "prev", "crc")
KINDS = ("run", "chapter", "step", "command", "transfer", "verdict", "claim", "approval", "note")
LOCK_SECONDS = 10.0  # a line takes less than a millisecond: whoever holds the lock longer is stopped or stuck
CRC_LENGTH = len(',"crc":"01234567"}')


@dataclass(frozen=True)
class Entry:
    """One line of the journal; `line` counts from 1 as `seq` does, `begin` is the line that this one ends."""

    seq: int
    time: str
    kind: str
    phase: str | None
    begin: int | None
    host: str | None
    chapter: str | None
    fields: Mapping[str, object]
    line: int

    def __getitem__(self, name: str) -> object:
        return self.fields[name]

    def get(self, name: str, default: object = None) -> object:
        return self.fields.get(name, default)


@dataclass(frozen=True)
class Check:
    """What a verified journal is: its lines, the SHA-256 of the last, and a torn one's bytes."""

    lines: int
    head: str
    torn: int = 0

    def __str__(self) -> str:
        torn = f", and {self.torn} bytes of a torn line" if self.torn else ""
        return f"{self.lines} lines, the chain holds{torn}"


@dataclass(frozen=True)
class Span:
    """A begin with the end that belongs to it; without an end it was interrupted, or still goes on."""

    begin: Entry
    end: Entry | None

    @property
    def open(self) -> bool:
        return self.end is None


def crc_of(body: bytes) -> str:
    """CRC-32 (as in zlib) of a line up to its own `,"crc"`: damage is named at the line where it is."""
    return f"{zlib.crc32(body):08x}"


def sha256_of(line: bytes) -> str:
    """What the next line has as `prev`: the SHA-256 of the line's bytes without the line feed."""
    return hashlib.sha256(line).hexdigest()


def verified(data: bytes, path: Path, *, lines: int = 0, head: str = FIRST) -> Iterator[tuple[dict, str]]:
    """Each whole line of `data` as a dict with its own SHA-256; `lines` and `head` are of what stands before.

    Raises JournalDamaged at the first line that does not hold.
    """
    for number, line in enumerate(data.split(b"\n")[:-1], lines + 1):
        raw = _raw(line, path, number)
        if raw["seq"] != number:
            raise _damaged(path, number, f"it says it is line {raw['seq']}: lines were removed or put in")
        if raw["prev"] != head:
            before = "the first line" if number == 1 else f"written after line {number - 1} as it is now"
            raise _damaged(path, number, f"its `prev` says that it was not {before}")
        head = sha256_of(line)
        yield raw, head


def entry_of(raw: Mapping[str, object]) -> Entry:
    """The entry that a verified line holds."""
    own = {name: value for name, value in raw.items() if name not in COMMON}
    first = {name: raw.get(name) for name in COMMON if name not in ("prev", "crc")}
    return Entry(**first, fields=MappingProxyType(own), line=raw["seq"])  # type: ignore[arg-type]


def entries(path: Path) -> tuple[Entry, ...]:
    """All entries of the journal at `path`, verified; a torn last line is left out.

    Raises JournalDamaged, naming the line, and RunbookError where there is no journal.
    """
    return tuple(entry_of(raw) for raw, _ in verified(_whole(_read(path)), path))


def check(path: Path, *, lines: int | None = None, head: str | None = None) -> Check:
    """Verifies the journal at `path`; `lines` and `head`, as a summary has them, also hold its end.

    Raises JournalDamaged, naming the line: a chain alone cannot tell that its last lines were cut off.
    """
    data = _read(path)
    whole = _whole(data)
    count, last = 0, FIRST
    for raw, own in verified(whole, path):
        count, last = raw["seq"], own
        if count == lines and head is not None and own != head:
            raise _damaged(path, count, "it is not the line that the summary names as the last")
    if lines is not None and count < lines:
        raise _damaged(path, count + 1, f"the journal ends before it, but it had {lines} lines")
    return Check(count, last, len(data) - len(whole))


def spans(entries: Iterable[Entry], *kinds: str) -> tuple[Span, ...]:
    """Begins with their ends in the order of the begins, of these kinds only where any are given."""
    begins: dict[int, Entry] = {}
    ends: dict[int, Entry] = {}
    for entry in entries:
        if entry.phase == "begin" and (not kinds or entry.kind in kinds):
            begins[entry.seq] = entry
        elif entry.phase == "end" and entry.begin is not None:
            ends[entry.begin] = entry
    return tuple(Span(begin, ends.get(seq)) for seq, begin in begins.items())


@contextmanager
def locked(descriptor: int, path: Path, *, exclusive: bool, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Holds the journal's file lock (flock); raises LockHeld where another process has it for longer."""
    how = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
    until = time.monotonic() + seconds
    pause = 0.0001
    while True:
        try:
            fcntl.flock(descriptor, how)
            break
        except BlockingIOError:
            if time.monotonic() > until:
                raise LockHeld(
                    f"{path}: another process has held the journal's lock for {seconds:g} s",
                    next=f"`fuser -v {path}` shows it; a stopped process goes on with `kill -CONT`",
                ) from None
            time.sleep(pause)
            pause = min(pause * 2, 0.01)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file, locked(file.fileno(), path, exclusive=False):
            return file.read()
    except OSError as error:
        raise RunbookError(
            f"{path}: the journal cannot be read: {os.strerror(error.errno or 0)}",
            next="`runbook status` lists the runs that are there",
        ) from error


def _whole(data: bytes) -> bytes:
    return data[: data.rfind(b"\n") + 1]


def _raw(line: bytes, path: Path, number: int) -> dict:
    """One line as a dict, judged by itself: JSON, its CRC, and the fields that every line has."""
    try:
        raw = json.loads(line)
    except ValueError as error:
        raise _damaged(path, number, f"it is not JSON ({error})") from None
    if not isinstance(raw, dict):
        raise _damaged(path, number, "it is not a JSON object")
    for name, kind in (("seq", int), ("time", str), ("kind", str), ("prev", str), ("crc", str)):
        if not isinstance(raw.get(name), kind):
            raise _damaged(path, number, f"its field `{name}` is missing or no {kind.__name__}")
    body = line[:-CRC_LENGTH]
    if line[-CRC_LENGTH:] != b',"crc":"%s"}' % crc_of(body).encode():
        raise _damaged(path, number, "its bytes are not the ones that were written (the CRC does not hold)")
    if raw["kind"] not in KINDS:
        raise _damaged(path, number, f"its kind `{raw['kind']}` is none that a journal has")
    if raw.get("phase") == "end" and not isinstance(raw.get("begin"), int):
        raise _damaged(path, number, "its field `begin` is missing, so it ends nothing")
    return raw


def _damaged(path: Path, line: int, why: str) -> JournalDamaged:
    return JournalDamaged(
        f"{path}:{line}: line {line} does not hold: {why}",
        line=line,
        next="what stands before that line can be believed; take the file from a backup, or start a new run",
    )
