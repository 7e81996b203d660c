"""One fresh kernel for one notebook: started ahead, interrupted once, stopped for certain."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from runbook.remote.secret import KNOWN

if TYPE_CHECKING:
    from jupyter_client import AsyncKernelManager

START_SECONDS = 60.0
STOP_SECONDS = 5.0
PREFIX, OWNER = "runbook-kernel-", "owner"
YOUNG_SECONDS = 3600.0
SAID, SAID_BYTES = "said", 2000
"""The file beside a kernel's sockets that its standard output and error go to, and how much of it is told."""


def without_iri() -> None:
    """Keeps jsonschema from importing its IRI grammar: 1.4 s of CPU, for a check that is never used."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


class Kernel:
    """A running IPython kernel in a session of its own, so that the terminal's Ctrl-C does not reach it."""

    def __init__(self, manager: AsyncKernelManager, pid: int, sockets: Path, owner: int) -> None:
        self.manager = manager
        self.pid = pid
        self.last_words = ""  # when it has stopped: the end of what was said past the notebook, masked
        self._sockets = sockets
        self._owner = owner

    def interrupt(self) -> None:
        """KeyboardInterrupt in the running cell: what it runs on hosts is stopped by its own clean-up."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)

    def kill(self) -> None:
        """The kernel and all of its process group, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def stop(self, *, at_once: bool = False) -> None:
        """Asks it to end, and kills what is left of it after `STOP_SECONDS`; `at_once` where it has nothing to end.

        Asking takes a third of a second, in which nothing else goes on.
        """
        with contextlib.suppress(Exception):  # a dead kernel cannot be asked; the kill below is what counts
            if not at_once:
                asyncio.run(asyncio.wait_for(self.manager.shutdown_kernel(now=False), STOP_SECONDS))
        self.kill()
        until = time.monotonic() + STOP_SECONDS
        while self._there() and time.monotonic() < until:
            time.sleep(0.01)
        with contextlib.suppress(Exception):
            asyncio.run(self.manager.cleanup_resources())
        with contextlib.suppress(OSError):
            said = (self._sockets / SAID).read_bytes()[-SAID_BYTES:]
            self.last_words = KNOWN.mask_bytes(said).decode("utf-8", "replace").strip()
        shutil.rmtree(self._sockets, ignore_errors=True)
        os.close(self._owner)

    def _there(self) -> bool:
        try:
            return os.waitpid(self.pid, os.WNOHANG) == (0, 0)
        except ChildProcessError:
            return False


def start(folder: Path, environment: Mapping[str, str]) -> Kernel:
    """A new kernel that works in `folder`, its channels on local sockets instead of open ports."""
    without_iri()
    from jupyter_client import AsyncKernelManager

    logging.getLogger("traitlets").setLevel(logging.ERROR)
    sockets = Path(tempfile.mkdtemp(prefix=PREFIX))  # short: a socket's path has 107 bytes at most
    owner = os.open(sockets / OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(owner, fcntl.LOCK_EX)
    manager = AsyncKernelManager(
        kernel_name="python3",
        transport="ipc",
        ip=str(sockets / "k"),
        connection_file=str(sockets / "kernel.json"),
    )
    with_all = {**os.environ, **environment}
    with (sockets / SAID).open("wb") as said:  # what a program in it says by itself may hold a secret
        starting = manager.start_kernel(cwd=str(folder), env=with_all, stdout=said, stderr=said)
        asyncio.run(asyncio.wait_for(starting, START_SECONDS))
    return Kernel(manager, manager.provisioner.pid, sockets, owner)


def sweep() -> int:
    """Removes the folders of kernels whose chain was killed; those of one that lives hold a lock. Returns how many."""
    count = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # somebody else's, or gone meanwhile
            if folder.stat().st_uid == os.geteuid() and _is_left(folder):
                shutil.rmtree(folder)
                count += 1
    return count


def _is_left(folder: Path) -> bool:
    try:
        owner = os.open(folder / OWNER, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:  # it has just been made, or its chain was killed in that very moment
        return time.time() - folder.stat().st_mtime > YOUNG_SECONDS
    try:
        fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(owner)


class Kernels:
    """Starts the next kernel while this one works; all that were started are stopped at the end."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="kernel")
        self._next: Future[Kernel] | None = None

    def __enter__(self) -> Kernels:
        sweep()
        return self

    def __exit__(self, *error: object) -> None:
        if self._next is not None:
            self._next.result(START_SECONDS).stop()
        self._starter.shutdown()

    def take(self, *, another: bool) -> Kernel:
        """A running kernel; `another` starts the one after it."""
        kernel = (self._next or self._start()).result(START_SECONDS)
        self._next = self._start() if another else None
        return kernel

    def _start(self) -> Future[Kernel]:
        return self._starter.submit(start, self._folder, self._environment)
