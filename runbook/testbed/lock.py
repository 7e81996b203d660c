"""Who may change a bed, and who uses it: file locks, which end with their process however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runbook.errors import LockHeld
from runbook.testbed.layout import STATES

WAIT_SECONDS = 60.0
"""How long `up` and `down` wait for each other; both are done in ten seconds."""


@contextmanager
def changing(name: str) -> Iterator[None]:
    """Hold the right to bring a bed (or, with another name, what beds share) up and down.

    Raises LockHeld after WAIT_SECONDS, naming the process that has it.
    """
    STATES.mkdir(exist_ok=True)
    path = STATES / f"{name}.lock"
    handle = _open_locked(path, time.monotonic() + WAIT_SECONDS)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # under the lock: whoever waits for it sees that the file is gone
        os.close(handle)
        try:
            STATES.rmdir()
        except OSError:  # ENOTEMPTY: a bed stands, or another lock is held
            pass


def _open_locked(path: Path, until: float) -> int:
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # another's `down` took the folder away in this moment
            STATES.mkdir(exist_ok=True)
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.stat(path).st_ino == os.fstat(handle).st_ino:
                return handle
        except FileNotFoundError:  # its holder took it away; the next turn makes a new one
            pass
        except BlockingIOError:
            if time.monotonic() > until:
                holder = ", ".join(map(str, holders(handle))) or "unknown"
                os.close(handle)
                raise LockHeld(f"{path}: process {holder} still changes this bed after {WAIT_SECONDS:g} s",
                               next=f"`ps {holder}` says what it is; wait for it or end it") from None
        os.close(handle)
        time.sleep(0.02)


class Use:
    """A share in a standing bed: while anybody has one, `down` refuses. Ends with its process."""

    def __init__(self, state: Path) -> None:
        self._handle = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._handle, fcntl.LOCK_SH)

    def end(self) -> None:
        """Give the share back; harmless a second time."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def users(state: Path) -> tuple[int, ...]:
    """The processes that use a bed; this one too, where it holds a share."""
    handle = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return holders(handle)
    finally:
        os.close(handle)


def holders(handle: int) -> tuple[int, ...]:
    """The processes that hold a lock on an open file (`man 5 proc`, /proc/locks)."""
    inode = str(os.fstat(handle).st_ino)
    device = os.fstat(handle).st_dev
    file = f"{os.major(device):02x}:{os.minor(device):02x}:{inode}"
    found = set()
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if words[1] != "->" and words[5] == file:
            found.add(int(words[4]))
    return tuple(sorted(found))
