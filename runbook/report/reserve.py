"""Room on the run's own disk for its end: a run that fills the disk can still be closed and told."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from runbook.errors import Blocked, RunbookError

SIZE = 8 << 20
"""Bytes; the report is half of it, and the journal's last lines, the summary and report.md next to nothing."""

FULL = (errno.ENOSPC, errno.EDQUOT)


class Reserve:
    """While entered, a file beside the run takes `SIZE` bytes of its disk; `release` gives them to what is to be said.

    Raises Blocked where there is not even so much room: nothing has been done yet.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".reserve"

    def __enter__(self) -> Reserve:
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, SIZE)
            finally:
                os.close(descriptor)
        except OSError as error:
            self.release()
            raise Blocked(f"{self._path.parent}: {os.strerror(error.errno or 0)}: there is no room for a run",
                          next=_mend(self._path.parent)) from error
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    def release(self) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def told(error: OSError, folder: Path) -> RunbookError:
    """An error of this machine's own files, with what to do next."""
    what = f"{error.filename or folder}: {os.strerror(error.errno or 0)}"
    return RunbookError(what, next=_mend(folder) if error.errno in FULL else f"mend it, then {_go_on(folder)}")


def _mend(folder: Path) -> str:
    return f"make room on the disk of {folder} (`runbook prune --keep 5`), then {_go_on(folder)}"


def _go_on(folder: Path) -> str:
    return f"go on with --resume {folder.name}"
