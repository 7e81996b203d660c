"""A folder as it is here: its files with their hashes, its links and folders, whatever bytes their names have."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook.errors import UsageError

FILE, FOLDER, LINK = "f", "d", "l"

MODE = 0o777
"""The permission bits that travel: set-user-id and its kin are nobody's to give by copying a folder."""


@dataclass(frozen=True)
class Entry:
    """One file, folder or link below a folder; `name` is its path from there, `b"."` the folder itself."""

    name: bytes
    kind: str
    mode: int
    size: int = 0
    sha256: str = ""                      # of a file
    link: bytes = b""                     # where a link points

    @property
    def path(self) -> str:
        """The name as a word of a command; bytes that are no UTF-8 are kept."""
        return os.fsdecode(self.name)


KEPT = 32 << 20
"""Bytes of small files that a tree holds, so that they are not read a second time; what is beyond is read again."""

LARGEST_KEPT = 1 << 20

SETTLED_NS = 50_000_000
"""Nanoseconds since a file's last change after which its time of change tells the next one: kernels before 6.13 count
it in ticks, of 10 ms at most."""


@dataclass(frozen=True)
class Content:
    """What a file had when it was read, and what stat(2) said of it: where that is the same, it has not changed."""

    data: bytes
    seen: tuple[int, ...]

    @staticmethod
    def stamp(seen: os.stat_result) -> tuple[int, ...]:
        return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


@dataclass(frozen=True)
class Tree:
    """A folder and all that is below it, each folder before what it holds."""

    folder: Path
    entries: tuple[Entry, ...]
    kept: Mapping[bytes, Content] = field(default_factory=dict, compare=False, repr=False)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(entry.size for entry in self.entries)

    def at(self, entry: Entry) -> Path:
        return self.folder / entry.path

    def content(self, entry: Entry) -> bytes | None:
        """A file's content as it was hashed; None where it has another now. Raises OSError."""
        kept, path = self.kept.get(entry.name), self.at(entry)
        if kept is not None and kept.seen == Content.stamp(os.stat(path)):
            return kept.data
        data = path.read_bytes()
        return data if hashlib.sha256(data).hexdigest() == entry.sha256 else None

    @classmethod
    def readable(cls, folder: Path | Tree) -> Tree:
        """Reads every file once to know its hash; a tree that was read before is not read again. Raises UsageError."""
        if isinstance(folder, Tree):
            return folder
        try:
            top = Entry(b".", FOLDER, os.stat(folder).st_mode & MODE)
            kept: dict[bytes, Content] = {}
            return cls(folder, (top, *_below(os.fsencode(folder), b"", kept)), kept)
        except OSError as error:
            raise UsageError(f"{os.fsdecode(error.filename or str(folder))}: {error.strerror}",
                             next="name a folder that this user can read, all of it") from error


def _below(top: bytes, name: bytes, kept: dict[bytes, Content]) -> Iterator[Entry]:
    room = KEPT - sum(len(one.data) for one in kept.values())
    for found in sorted(os.scandir(os.path.join(top, name) if name else top), key=lambda one: one.name):
        inner = os.path.join(name, found.name)
        seen = found.stat(follow_symlinks=False)
        mode = seen.st_mode & MODE
        if stat.S_ISLNK(seen.st_mode):
            yield Entry(inner, LINK, MODE, link=os.readlink(found.path))
        elif stat.S_ISDIR(seen.st_mode):
            yield Entry(inner, FOLDER, mode)
            yield from _below(top, inner, kept)
            room = KEPT - sum(len(one.data) for one in kept.values())
        elif stat.S_ISREG(seen.st_mode):
            if seen.st_size > min(room, LARGEST_KEPT):
                with open(found.path, "rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                    yield Entry(inner, FILE, mode, file.tell(), digest)
                continue
            with open(found.path, "rb", buffering=0) as file:
                data, after = file.readall(), os.fstat(file.fileno())
            if Content.stamp(after) == Content.stamp(seen) and time.time_ns() - after.st_mtime_ns > SETTLED_NS:
                kept[inner] = Content(data, Content.stamp(after))
                room -= len(data)
            yield Entry(inner, FILE, mode, len(data), hashlib.sha256(data).hexdigest())
        else:
            raise UsageError(f"{os.fsdecode(found.path)}: neither file, folder nor link",
                             next="sockets, pipes and devices are not sent: take it out of the folder")
