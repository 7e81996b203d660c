"""A file's way to and from a host: beside its target first, verified by SHA-256, then renamed over it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook.errors import TransferFailed, UsageError
from runbook.remote.command import Command
from runbook.remote.exchange import CHUNK, pieces

SLOWEST = 1e6
"""Bytes a second below which a transfer counts as hanging: a 10 Mbit/s line under load."""

MEND = r"""
[ ! -d "$1" ] || { echo "$1 is a folder" >&2; exit 73; }
[ -f "$1" ] && [ ! -L "$1" ] || { echo absent; exit 0; }
sum=$(sha256sum <"$1") || exit
[ "${sum%% *}" = "$2" ] || { echo other; exit 0; }
before=$(stat -c '%a %u %g' "$1")
[ -z "$4" ] || chown -- "$4" "$1" || exit
chmod -- "$3" "$1" || exit
[ "$(stat -c '%a %u %g' "$1")" = "$before" ] && echo same || echo mended
"""
"""`$1` target, `$2` SHA-256, `$3` mode, `$4` owner: is the content there? Then mends its mode and owner."""

RECEIVE = r"""
umask 077
folder=$(dirname -- "$1")
new=$(mktemp -- "$folder/.runbook.XXXXXXXX") || exit 73
trap 'rm -f -- "$new"' EXIT
trap 'exit 1' HUP INT PIPE TERM # PIPE: who would hear that it is not whole may be gone
cat >"$new" || exit 74
sum=$(sha256sum <"$new")
[ "${sum%% *}" = "$2" ] || { echo "SHA-256 ${sum%% *} arrived instead of $2" >&2; exit 65; }
[ -z "$4" ] || chown -- "$4" "$new" || exit 77
chmod -- "$3" "$new" || exit 77
sync -- "$new" 2>/dev/null
[ ! -d "$1" ] || { echo "$1 is a folder" >&2; exit 73; }
mv -f -- "$new" "$1" || exit 73
trap - EXIT
"""
"""As MEND, the content by standard input. Nobody else can read the file before it has its owner and mode; where
anything fails, the old one stays. A symbolic link is replaced, not followed. Exit codes after sysexits.h."""

SEND = r"""
[ -f "$1" ] || { echo "$1 is no file" >&2; exit 66; }
sum=$(sha256sum <"$1") || exit 74
printf '%s\n' "${sum%% *}"
cat <"$1"
"""
"""The SHA-256 of the file `$1`, a line feed, and the file."""


@dataclass(frozen=True)
class Source:
    """What is to be sent: bytes or a file, its size and its SHA-256."""

    content: Path | bytes
    size: int
    sha256: str

    @classmethod
    def of(cls, content: Path | bytes) -> Source:
        """Reads a file once to know its hash. Raises OSError."""
        if isinstance(content, bytes):
            return cls(content, len(content), hashlib.sha256(content).hexdigest())
        with content.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return cls(content, file.tell(), digest)

    @classmethod
    def readable(cls, content: Path | bytes | Source) -> Source:
        """As `of`; what was hashed before is not read again. Raises UsageError."""
        try:
            return content if isinstance(content, Source) else cls.of(content)
        except OSError as error:
            raise UsageError(f"{content}: {error.strerror}", next="name a file that this user can read") from error

    def __str__(self) -> str:
        return str(self.content) if isinstance(self.content, Path) else f"{self.size} bytes"

    def pieces(self) -> Iterator[bytes]:
        if isinstance(self.content, bytes):
            yield from pieces(self.content)
            return
        with self.content.open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece


def limit_for(size: int) -> float:
    """Seconds that a transfer of `size` bytes may take."""
    return 60.0 + size / SLOWEST


def mend(source: Source, target: str, mode: int, owner: str, sudo: bool) -> Command:
    return Command(("sh", "-c", MEND, "sh", target, source.sha256, f"{mode:o}", owner), sudo=sudo,
                   limit=limit_for(source.size))


def receive(source: Source, target: str, mode: int, owner: str, sudo: bool) -> Command:
    return Command(("sh", "-c", RECEIVE, "sh", target, source.sha256, f"{mode:o}", owner), sudo=sudo,
                   limit=limit_for(source.size))


def send(path: str, sudo: bool) -> Command:
    return Command(("sh", "-c", SEND, "sh", path), sudo=sudo, limit=3600.0)


class Landing:
    """Where a fetched file arrives: beside its target, hashed on the way, renamed once it is whole."""

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
