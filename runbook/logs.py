"""What hosts said, in one log a host: masked, and found again by offset and length."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from urllib.parse import quote

from runbook.errors import RunbookError
from runbook.remote.secret import KNOWN

NO_HOST = "here"  # the log of what was said without a host


def keep_output(folder: Path, host: str | None, title: str, said: bytes) -> dict[str, object]:
    """Adds an output to `folder/logs/<host>.log`; returns sha256, length in bytes, log and offset of it.

    Hash and length are of what was said; where a secret had to be masked they are of what the log holds, and
    `masked` is true: the hash of an output that is little more than a short secret could be guessed.
    The caller holds the journal's lock. Raises RunbookError where the log cannot be written.
    """
    kept = KNOWN.mask_bytes(said)
    about: dict[str, object] = {"sha256": hashlib.sha256(kept).hexdigest(), "length": len(kept)}
    if kept != said:
        about["masked"] = True
    if not kept:
        return about
    path = folder / "logs" / f"{quote(host or NO_HOST, safe='')}.log"
    try:
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        size = os.lseek(descriptor, 0, os.SEEK_END)
        above = f"# {title}\n".encode()
        append(descriptor, path, size, above + kept + (b"" if kept.endswith(b"\n") else b"\n"))
    finally:
        os.close(descriptor)
    return about | {"log": f"logs/{path.name}", "offset": size + len(above)}


def append(descriptor: int, path: Path, size: int, data: bytes) -> None:
    """Adds all of `data` to a file of `size` bytes, or nothing: half of a line would be a torn one.

    Raises RunbookError where the disk is full or broken.
    """
    try:
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, data[written:])
    except OSError as error:
        os.ftruncate(descriptor, size)
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> RunbookError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return RunbookError(
        f"{path}: cannot be written at byte {path.stat().st_size if path.exists() else 0}: "
        f"{os.strerror(error.errno or 0)}",
        next=f"{'make room on' if full else 'mend'} the disk of {path.parent}, then go on with --resume",
    )
