"""A shell on the machine that runs the runbook: the same verbs, through a process group of its own."""

from __future__ import annotations

import getpass
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from runbook.remote.exchange import QUIET, Feed
from runbook.remote.line import Line, Received
from runbook.remote.shell import Recorder
from runbook.remote.strict import StrictShell

AT_ONCE = 1 << 16  # bytes: the capacity of a pipe, `man 7 pipe`


class LocalExchange:
    """A process of this machine; whoever calls `pump` does the reading."""

    def __init__(self, process: subprocess.Popen[bytes], received: Received, feed: Feed) -> None:
        self.received = received
        self._process = process
        self._last = time.monotonic()
        self._ended = os.pidfd_open(process.pid)
        self._waiting = selectors.DefaultSelector()
        self._waiting.register(self._ended, selectors.EVENT_READ, None)
        self._waiting.register(process.stdout, selectors.EVENT_READ, received.out)
        self._waiting.register(process.stderr, selectors.EVENT_READ, received.err)
        if feed is not None:
            threading.Thread(target=self._send, args=(feed,), name="stdin", daemon=True).start()

    def _reach(self) -> None:
        """It is at hand."""

    def _send(self, feed: Feed) -> None:
        try:
            with self._process.stdin as stdin:
                for piece in feed or ():
                    stdin.write(piece)
        except (OSError, ValueError):
            return  # the process ended without reading it all; what it thinks of that is in its exit code

    def pump(self, seconds: float) -> bool:
        gone = self._ended not in self._waiting.get_map()
        for key, _ in self._waiting.select(min(seconds, QUIET) if gone else seconds):
            if key.data is None:
                self._waiting.unregister(self._ended)
                self._process.wait()
                continue
            data = os.read(key.fd, AT_ONCE)
            self._last = time.monotonic()
            if data:
                key.data(data)
            else:
                self._waiting.unregister(key.fileobj)
        left = self._waiting.get_map()
        return self._ended not in left and (not left or time.monotonic() - self._last >= QUIET)

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode

    def wake(self) -> None:
        """Not needed: a pump wakes for everything that comes."""

    def close(self) -> None:
        self._waiting.close()
        os.close(self._ended)
        self._process.stdout.close()
        self._process.stderr.close()


class LocalShell(StrictShell):
    """This machine. `env` is added to the environment, `cwd` is where commands start."""

    def __init__(self, recorder: Recorder, *, name: str = "local", env: Mapping[str, str] | None = None,
                 cwd: Path | None = None, sudo: bool = True) -> None:
        super().__init__(name, recorder, user="root" if os.geteuid() == 0 else getpass.getuser(), sudo=sudo)
        self._env = {**os.environ, **(env or {})}
        self._cwd = cwd

    def _reach(self) -> None:
        """It is at hand."""

    def _send(self, sent: Line, received: Received, feed: Feed, *, spare: bool = False) -> LocalExchange:
        process = subprocess.Popen(
            ["/bin/sh", "-c", sent.text], cwd=self._cwd, env=self._env, start_new_session=True,
            stdin=subprocess.DEVNULL if feed is None else subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        return LocalExchange(process, received, feed)

    def close(self) -> None:
        """Nothing is held open between commands."""
