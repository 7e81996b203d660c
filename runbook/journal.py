"""The journal, written: lines that are only added, each naming the one before, and never a secret."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from runbook.as_json import line_of, rfc3339, to_json
from runbook.entries import COMMON, FIRST, KINDS, Entry, crc_of, entries, locked, sha256_of, verified
from runbook.errors import Blocked, JournalDamaged, RunbookError
from runbook.logs import append, keep_output
from runbook.remote.secret import KNOWN

NAME = "journal.jsonl"
OUTPUTS = ("stdout", "stderr")  # these fields go to the host's log; the line has their length and hash


@dataclass(frozen=True)
class Begun:
    """A begin that has no end yet; `clock` is known to the process that wrote it."""

    kind: str
    host: str | None
    chapter: str | None
    clock: float | None = None


class Journal:
    """`begin`, `end` and `write` append a line to `folder/journal.jsonl`; safe for threads and processes.

    A line is in the kernel's hands before the call returns, so a killed process loses nothing. It is forced
    to the disk (fsync, milliseconds) only around steps and at a run's end: what was changed on a host has to
    be undoable after a power cut too, while a lost question or command can simply be asked again.
    """

    def __init__(self, folder: Path) -> None:
        """Opens the journal, or makes it, and verifies what is there.

        Raises Blocked where it cannot be written, JournalDamaged, and LockHeld where another keeps it.
        """
        self.folder = folder
        self.path = folder / NAME
        self.chapter: str | None = None
        self._threads = threading.RLock()
        self._open()

    def begin(self, kind: str, host: str | None = None, **fields: object) -> int:
        """Writes that something begins, before it does; returns the line's number, for `end`."""
        return self._append(kind, "begin", None, host, fields)

    def end(self, begin: int, **fields: object) -> int:
        """Writes the end of what began at line `begin`, by whichever process; returns the line's number.

        `stdout` and `stderr` may be bytes: they go to `logs/<host>.log`, and the line says where.
        """
        return self._append("", "end", begin, None, fields)

    def write(self, kind: str, host: str | None = None, **fields: object) -> int:
        """Writes one line about something that takes no time; returns the line's number."""
        return self._append(kind, None, None, host, fields)

    def entries(self) -> tuple[Entry, ...]:
        """Everything written so far, by any process, verified."""
        return entries(self.path)

    @property
    def last(self) -> int:
        """The number of the last line that this process knows of."""
        return self._lines

    @property
    def head(self) -> str:
        """The SHA-256 of the last line that this process knows of."""
        return self._head

    def close(self) -> None:
        """Lets go of the file; what is open in the journal stays open there."""
        with self._threads:
            self._descriptor = -1
            self._close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _open(self) -> None:
        self._process = os.getpid()
        self._lines, self._head, self._size = 0, FIRST, 0
        self._begun: dict[int, Begun] = {}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise Blocked(
                f"{self.path}: the journal cannot be written: {os.strerror(error.errno or 0)}",
                next=f"make {self.folder} a folder that {_user()} may write, or set RUNBOOK_REPORTS",
            ) from error
        self._close = weakref.finalize(self, os.close, self._descriptor)  # for one that nobody closes, too
        with self._alone():
            pass

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The one writer of all threads and processes, with all that others wrote taken in."""
        if os.getpid() != self._process:  # after a fork the lock would be shared with the parent
            self._threads = threading.RLock()
            self._open()
        with self._threads:
            if self._descriptor < 0:
                raise RunbookError(f"{self.path}: the journal was closed", next="open the run again")
            with locked(self._descriptor, self.path, exclusive=True):
                self._catch_up()
                yield

    def _catch_up(self) -> None:
        here = os.fstat(self._descriptor)
        try:
            there = os.stat(self.path).st_ino
        except FileNotFoundError:
            there = -1
        if there != here.st_ino:
            raise JournalDamaged(
                f"{self.path}: line {self._lines}: the journal was deleted or replaced while it was open",
                line=self._lines, next="stop whatever cleans up there; start a new run",
            )
        if here.st_size < self._size:
            raise JournalDamaged(
                f"{self.path}: line {self._lines}: the journal was shortened while it was open",
                line=self._lines, next="its last lines are lost: take it from a backup, or start a new run",
            )
        if here.st_size == self._size:
            return
        data = _read(self._descriptor, self._size, here.st_size)
        whole = data.rfind(b"\n") + 1
        for raw, head in verified(data[:whole], self.path, lines=self._lines, head=self._head):
            self._lines, self._head = raw["seq"], head
            if raw.get("phase") == "begin":
                self._begun[raw["seq"]] = Begun(raw["kind"], raw.get("host"), raw.get("chapter"))
            elif raw.get("phase") == "end":
                self._begun.pop(raw["begin"], None)
        self._size += whole
        if whole < len(data):  # nobody else writes now, so its writer was killed in the middle of it
            os.ftruncate(self._descriptor, self._size)
            self._put("note", None, None, None, None, {"about": "torn", "bytes": len(data) - whole})

    def _append(self, kind: str, phase: str | None, begin: int | None, host: str | None,
                fields: dict[str, object]) -> int:
        for name in fields:
            if name in COMMON:
                raise ValueError(f"a field of a line cannot be called {name}: every line has its own")
        with self._alone():
            chapter = self.chapter
            if begin is not None:
                begun = self._begun.get(begin)
                if begun is None:
                    raise ValueError(f"{self.path}: line {begin} began nothing that is still open")
                kind, host, chapter = begun.kind, begun.host, begun.chapter
                if "seconds" not in fields and begun.clock is not None:
                    fields["seconds"] = round(time.monotonic() - begun.clock, 6)
                for stream in OUTPUTS:
                    if isinstance(fields.get(stream), bytes):
                        said: bytes = fields[stream]  # type: ignore[assignment]
                        fields[stream] = keep_output(self.folder, host, f"{begin} {stream}", said)
            number = self._put(kind, phase, begin, host, chapter, fields)
            if phase == "begin":
                self._begun[number] = Begun(kind, host, chapter, time.monotonic())
            elif begin is not None:
                del self._begun[begin]
        if kind == "step" or (kind == "run" and phase == "end"):
            os.fsync(self._descriptor)  # outside the lock: others may write meanwhile
        return number

    def _put(self, kind: str, phase: str | None, begin: int | None, host: str | None, chapter: str | None,
             fields: dict[str, object]) -> int:
        if kind not in KINDS:
            raise ValueError(f"a journal has no lines of kind {kind}: {', '.join(KINDS)}")
        line: dict[str, object] = {"seq": self._lines + 1, "time": rfc3339(datetime.now(UTC)), "kind": kind}
        for name, value in (("phase", phase), ("begin", begin), ("host", host), ("chapter", chapter)):
            if value is not None:
                line[name] = value
        for name, value in fields.items():
            line[KNOWN.mask(name)] = to_json(value, mask=KNOWN.mask, where=name)
        line["prev"] = self._head
        body = line_of(line)[:-1]
        whole = b'%s,"crc":"%s"}' % (body, crc_of(body).encode())
        append(self._descriptor, self.path, self._size, whole + b"\n")
        self._lines, self._head, self._size = self._lines + 1, sha256_of(whole), self._size + len(whole) + 1
        return self._lines


def _read(descriptor: int, start: int, stop: int) -> bytes:
    parts = []
    while start < stop:
        part = os.pread(descriptor, stop - start, start)
        if not part:
            break
        parts.append(part)
        start += len(part)
    return b"".join(parts)


def _user() -> str:
    return "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
