"""A folder as it is here: its files with their hashes, its links and folders, whatever bytes their names have."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Tree:
    """A folder and all that is below it, each folder before what it holds."""

    folder: Path
    entries: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(entry.size for entry in self.entries)

    def at(self, entry: Entry) -> Path:
        return self.folder / entry.path

    @classmethod
    def readable(cls, folder: Path | Tree) -> Tree:
        """Reads every file once to know its hash; a tree that was read before is not read again. Raises UsageError."""
        if isinstance(folder, Tree):
            return folder
        try:
            top = Entry(b".", FOLDER, os.stat(folder).st_mode & MODE)
            return cls(folder, (top, *_below(os.fsencode(folder), b"")))
        except OSError as error:
            raise UsageError(f"{os.fsdecode(error.filename or str(folder))}: {error.strerror}",
                             next="name a folder that this user can read, all of it") from error


def _below(top: bytes, name: bytes) -> Iterator[Entry]:
    for found in sorted(os.scandir(os.path.join(top, name) if name else top), key=lambda one: one.name):
        inner = os.path.join(name, found.name)
        seen = found.stat(follow_symlinks=False)
        mode = seen.st_mode & MODE
        if stat.S_ISLNK(seen.st_mode):
            yield Entry(inner, LINK, MODE, link=os.readlink(found.path))
        elif stat.S_ISDIR(seen.st_mode):
            yield Entry(inner, FOLDER, mode)
            yield from _below(top, inner)
        elif stat.S_ISREG(seen.st_mode):
            with open(found.path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                yield Entry(inner, FILE, mode, file.tell(), digest)
        else:
            raise UsageError(f"{os.fsdecode(found.path)}: neither file, folder nor link",
                             next="sockets, pipes and devices are not sent: take it out of the folder")
