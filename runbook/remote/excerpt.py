"""An output that is too long for memory and for people: its head, its tail, and all of it in a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from runbook.errors import UsageError

END = 4096
"""Bytes kept of each end."""

MOST = 32 << 20
"""Bytes that a command may say where its output is kept in memory: hosts are asked by the dozen, side by side."""


class TooLong(Exception):
    """More was said than is kept; whoever runs the command ends it."""


class Room:
    """How much may still be kept of what a command says, on both streams together."""

    def __init__(self, most: int = MOST) -> None:
        self.left = most


class Kept(list[bytes]):
    """Pieces of an output. The first one that finds no room raises TooLong; those after it are dropped, since what
    still comes has to be taken in while the command is being ended."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room

    def append(self, data: bytes) -> None:
        before, self._room.left = self._room.left, self._room.left - len(data)
        if self._room.left >= 0:
            super().append(data)
        elif before >= 0:
            raise TooLong


class Excerpt:
    """Head and tail of what was said, and how much it was."""

    def __init__(self) -> None:
        self.size = 0
        self._head = b""
        self._tail = b""

    def take(self, data: bytes) -> None:
        self.size += len(data)
        room = END - len(self._head)
        self._head, data = self._head + data[:room], data[room:]
        self._tail = (self._tail + data[-END:])[-END:]

    def text(self) -> bytes:
        """All of it where it is short; else both ends, and between them how much is left out."""
        out = self.size - len(self._head) - len(self._tail)
        between = f"\n... {out} bytes are left out here ...\n".encode() if out else b""
        return self._head + between + self._tail


class Poured(Excerpt):
    """The same, and every byte in a file, hashed on its way there."""

    def __init__(self, path: Path) -> None:
        """Begins the file anew. Raises UsageError where it cannot be written."""
        super().__init__()
        self._digest = hashlib.sha256()
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}", next="name a file that this user can write") from error

    def take(self, data: bytes) -> None:
        super().take(data)
        self._digest.update(data)
        self._file.write(data)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def close(self) -> None:
        self._file.close()
