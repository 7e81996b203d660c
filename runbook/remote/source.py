"""What is to be sent: bytes or a file, hashed once for many hosts, and read from any place of it, without its holes."""

from __future__ import annotations

import hashlib
import os
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runbook.errors import UsageError
from runbook.remote.exchange import CHUNK, pieces

LARGE = 8 << 20
"""Bytes from which a file is worth more than one question: it is read anew for each host, can be gone on with, may be
packed, and may have holes."""

GRAIN = 1 << 16
"""Bytes: pieces of a file with holes begin and end at multiples of it, so that dd(1) can place them quickly."""

LEAST_HOLE = 1 << 20
MOST_PARTS = 200
"""So many parts between holes at most: each is two words of a command."""

SAMPLE = 1 << 17

REMEMBERED = 4
"""Files that `once` knows: those that go to several hosts now."""

Part = tuple[int, int]
"""Where a part of a file begins and ends, in bytes."""


@dataclass(frozen=True)
class Sample:
    """How much of some samples is left after deflate at its fastest level, and how many bytes a second that took."""

    ratio: float
    rate: float


@dataclass(frozen=True)
class Source:
    """What is to be sent, its size and its SHA-256; `parts` is what a file has beside its holes, where it has some.

    A file below LARGE is held here: it is read once, however many hosts there are, and nobody can change it any more.
    """

    content: Path | bytes
    size: int
    sha256: str
    held: bytes | None = None
    parts: tuple[Part, ...] = ()
    state: tuple[int, ...] = ()           # of a file, when it was hashed
    head: str = ""                        # the SHA-256 of a large one's first grain

    @classmethod
    def of(cls, content: Path | bytes) -> Source:
        """Reads a file once to know its hash. Raises OSError."""
        if isinstance(content, bytes):
            return cls(content, len(content), hashlib.sha256(content).hexdigest(), content)
        with content.open("rb") as file:
            state = _state(file.fileno())
            if os.fstat(file.fileno()).st_size < LARGE:
                held = file.read()
                return cls(content, len(held), hashlib.sha256(held).hexdigest(), held, state=state)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
            parts = parts_of(file.fileno(), size)
            file.seek(0)
            head = hashlib.sha256(file.read(GRAIN)).hexdigest()
            return cls(content, size, digest, parts=parts, state=state, head=head)

    @classmethod
    def once(cls, content: Path) -> Source:
        """As `of`; a file that was read before and has not changed is not read again, whichever host asks for it."""
        with _reading:
            known = _read.pop(content, None)
            if known is None or known.changed():
                known = cls.of(content)
            _read[content] = known
            while len(_read) > REMEMBERED:
                del _read[next(iter(_read))]
        return known

    @classmethod
    def readable(cls, content: Path | bytes | Source) -> Source:
        """As `of`; what was hashed before is not read again. Raises UsageError."""
        try:
            return content if isinstance(content, Source) else cls.of(content)
        except OSError as error:
            raise UsageError(f"{content}: {error.strerror}", next="name a file that this user can read") from error

    def __str__(self) -> str:
        return str(self.content) if isinstance(self.content, Path) else f"{self.size} bytes"

    @property
    def large(self) -> bool:
        return self.held is None

    def changed(self) -> bool:
        """Whether the file is another one than the one that was hashed, as far as size, times and inode tell."""
        if not isinstance(self.content, Path):
            return False
        try:
            with self.content.open("rb") as file:
                return _state(file.fileno()) != self.state
        except OSError:
            return True

    def left(self, start: int, stop: int) -> tuple[Part, ...]:
        """What is to be sent between two places: that stretch, or its parts, whole grains of them."""
        if not self.parts:
            return ((start, stop),)
        return tuple((max(begin, start), min(end, stop)) for begin, end in self.parts if end > start and begin < stop)

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes of `left`; a last part that is no whole grain is filled up with zeros.

        Where the file cannot be read any more it ends early: the host says so, and `changed` says why.
        """
        stop = self.size if stop is None else stop
        if self.held is not None:
            yield from pieces(self.held[start:stop])
            return
        with suppress(OSError), open(self.content, "rb") as file:
            for begin, end in self.left(start, stop):
                file.seek(begin)
                while begin < end and (piece := file.read(min(CHUNK, end - begin))):
                    begin += len(piece)
                    yield piece
                if self.parts:
                    yield bytes(-begin % GRAIN)

    def sample(self) -> Sample:
        """Packs three samples of a large file. Raises OSError."""
        parts = self.parts or ((0, self.size),)
        places = [parts[0][0], parts[len(parts) // 2][0], max(parts[-1][1] - SAMPLE, 0)]
        if len(parts) == 1:
            places[1] = (parts[0][0] + parts[0][1]) // 2
        before = after = 0
        start = time.perf_counter()
        with open(self.content, "rb") as file:
            for place in places:
                file.seek(place)
                data = file.read(SAMPLE)
                before, after = before + len(data), after + len(zlib.compress(data, 1))
        return Sample(after / max(before, 1), before / max(time.perf_counter() - start, 1e-6))


_reading = threading.Lock()
_read: dict[Path, Source] = {}


def parts_of(file: int, size: int) -> tuple[Part, ...]:
    """The parts of an open file between holes that are worth leaving out; none where there is no such hole.

    A file system that knows no holes says that there is none (`man 2 lseek`).
    """
    found: list[Part] = []
    at = 0
    while at < size:
        try:
            begin = os.lseek(file, at, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole up to the end
            break
        at = min(os.lseek(file, begin, os.SEEK_HOLE), size)
        found.append((begin // GRAIN * GRAIN, at))
    merged: list[Part] = []
    for begin, end in found:
        if merged and begin - merged[-1][1] < LEAST_HOLE:
            begin, _ = merged.pop()
        merged.append((begin, end))
    while len(merged) > MOST_PARTS:
        gap = min(range(len(merged) - 1), key=lambda index: merged[index + 1][0] - merged[index][1])
        merged[gap:gap + 2] = [(merged[gap][0], merged[gap + 1][1])]
    if size - sum(end - begin for begin, end in merged) < LEAST_HOLE:
        return ()
    return tuple(merged) or ((0, min(GRAIN, size)),)


def _state(file: int) -> tuple[int, ...]:
    found = os.fstat(file)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
