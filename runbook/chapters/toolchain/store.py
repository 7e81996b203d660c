"""Where toolchains are kept that were unpacked, fetched or built: folders named by content, whole or not there."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runbook.errors import Blocked
from runbook.site import ROOT

STORE = ROOT / ".cache" / "toolchains"
KEEP = 6  # of up to half a gigabyte each; those that were of use last stay
TREE, RECORD, NEW = "tree", "record.json", "new-"
KEY_LENGTH = 24  # hexadecimal digits of a SHA-256: enough to tell toolchains apart, and to be read in a path


def stored(key: str, fill: Callable[[Path], None]) -> Path:
    """The tree of that key; where it is not there, or no longer what was put there, `fill(folder)` makes it.

    It appears whole or not at all, whatever becomes of this process; two processes wait for each other.
    Raises what `fill` raises, and Blocked where the folder cannot be written or is full.
    """
    try:
        STORE.mkdir(parents=True, exist_ok=True)
        with held(STORE / "lock"):
            folder = STORE / key[:KEY_LENGTH]
            if not is_whole(folder):
                _fill(folder, fill)
            os.utime(folder / RECORD)
            _forget_the_oldest()
    except OSError as error:
        raise Blocked(f"{STORE.relative_to(ROOT) if STORE.is_relative_to(ROOT) else STORE}: no toolchain can be kept "
                      f"there: {error.strerror or error}", next="give it room, and make it writable") from error
    return folder / TREE


def _fill(folder: Path, fill: Callable[[Path], None]) -> None:
    for left in STORE.glob(f"{NEW}*"):  # by a process that was killed: the lock is ours
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=STORE, prefix=NEW) as new:
        whole = Path(new) / "whole"
        (whole / TREE).mkdir(parents=True)
        fill(whole / TREE)
        seal(whole)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(whole, folder)


def seal(folder: Path) -> None:
    """Notes what a finished folder holds; until then it is not whole."""
    files, size = measure(folder / TREE)
    (folder / RECORD).write_text(json.dumps({"files": files, "bytes": size}) + "\n")


def is_whole(folder: Path) -> bool:
    """Whether the folder was finished, and has as many files and bytes as then."""
    try:
        record = json.loads((folder / RECORD).read_text())
        return (record["files"], record["bytes"]) == measure(folder / TREE)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def measure(folder: Path) -> tuple[int, int]:
    """How many files are in it, links among them, and how many bytes they have. Raises OSError."""
    files = size = 0
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        for name in (*names, *links):
            files += 1
            size += os.lstat(os.path.join(parent, name)).st_size
    return files, size


@contextmanager
def held(lock: Path) -> Iterator[None]:
    """Waits until no other process of this machine holds the lock file; it goes with the process."""
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _forget_the_oldest() -> None:
    records = sorted(STORE.glob(f"*/{RECORD}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for record in records[KEEP:]:
        shutil.rmtree(record.parent, ignore_errors=True)
