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


class Kept:
    """All that a command says on both streams, up to `MOST` bytes. What is beyond raises TooLong once, and is lost."""

    def __init__(self) -> None:
        self._size = 0
        self._out: list[bytes] = []
        self._err: list[bytes] = []

    @property
    def stdout(self) -> bytes:
        return b"".join(self._out)

    @property
    def stderr(self) -> bytes:
        return b"".join(self._err)

    def out(self, data: bytes) -> None:
        self._keep(data, self._out)

    def err(self, data: bytes) -> None:
        self._keep(data, self._err)

    def _keep(self, data: bytes, where: list[bytes]) -> None:
        before, self._size = self._size, self._size + len(data)
        if self._size <= MOST:
            where.append(data)
        elif before <= MOST:              # once: to end it, what still comes has to be taken in
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
