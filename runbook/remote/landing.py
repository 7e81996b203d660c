"""Where a fetched file arrives: beside its target, hashed on the way, renamed once it is whole."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from runbook.errors import TransferFailed
from runbook.remote.command import Command

SEND = r"""
[ -f "$1" ] || { echo "$1 is no file" >&2; exit 66; }
sum=$(sha256sum <"$1") || exit 74
printf '%s\n' "${sum%% *}"
cat <"$1"
"""
"""The SHA-256 of the file `$1`, a line feed, and the file."""


def send(path: str, sudo: bool) -> Command:
    return Command(("sh", "-c", SEND, "sh", path), sudo=sudo, limit=3600.0)


class Landing:
    """A file on its way from a host."""

    def __init__(self, host: str, target: Path) -> None:
        self._host = host
        self._target = target
        self._digest = hashlib.sha256()
        self._announced: bytes | None = None
        self._head = b""
        handle, name = tempfile.mkstemp(prefix=".runbook.", dir=target.parent)
        self._file = os.fdopen(handle, "wb")
        self._new = Path(name)
        self.size = 0

    def take(self, data: bytes) -> None:
        if self._announced is None:
            self._head += data
            if b"\n" not in self._head:
                return
            self._announced, _, data = self._head.partition(b"\n")
        self._digest.update(data)
        self._file.write(data)
        self.size += len(data)

    def settle(self) -> str:
        """Puts the file in its place and returns its SHA-256. Raises TransferFailed; the old file is intact."""
        self._file.close()
        sha256, announced = self._digest.hexdigest(), (self._announced or b"").decode("ascii", "replace")
        if sha256 != announced:
            raise TransferFailed(
                self._host, f"{self._target}: SHA-256 {sha256} arrived instead of {announced or 'any'}",
                next="the file may have changed while it was read: fetch it again")
        os.replace(self._new, self._target)
        return sha256

    def drop(self) -> None:
        """Leaves nothing behind where `settle` was not reached."""
        self._file.close()
        self._new.unlink(missing_ok=True)
