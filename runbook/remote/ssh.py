"""A shell over SSH: one connection a host, opened once and shared by threads."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from runbook.errors import ConnectionLost
from runbook.remote.exchange import Exchange, Feed
from runbook.remote.jump import Jumps
from runbook.remote.keys import Keys
from runbook.remote.line import Received
from runbook.remote.shell import Recorder
from runbook.remote.strict import StrictShell
from runbook.site_tables import Host

if TYPE_CHECKING:
    from fabric import Connection

    from runbook.remote.runner import FastRunner

AT_ONCE = 8
"""Commands at once on one connection: sshd's MaxSessions is 10 by default (`man 5 sshd_config`), and to stop one
wants a session too."""


class SshShell(StrictShell):
    """A host of the site. It is reached at the first command, and again after the connection was lost."""

    def __init__(self, host: Host, recorder: Recorder, keys: Keys | None = None,
                 jumps: Jumps | None = None) -> None:
        super().__init__(host.name, recorder, user=host.ssh.user, sudo=host.ssh.sudo)
        self.host = host
        self._keys = keys or Keys()
        self._jumps = jumps or Jumps()
        self._connection: Connection | None = None
        self._runner: FastRunner | None = None
        self._opening = threading.Lock()
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def open(self) -> FastRunner:
        """The runner of the open connection. Raises Unreachable, HostKeyRefused, LoginRefused."""
        with self._opening:
            if self._connection is None or not self._connection.is_connected:
                # Here, not above: Fabric's import costs 0.2 s, and only who connects has to pay.
                from runbook.remote.connect import connect

                self._connection = connect(self.host, self._keys, self._jumps)
                self._runner = self._connection.config.runners.remote(context=self._connection)
            return self._runner

    def _reach(self) -> None:
        self.open()

    def _send(self, text: str, received: Received, feed: Feed, *, spare: bool = False) -> Exchange:
        if not spare:
            self._places.acquire()
        let_go = (lambda: None) if spare else self._places.release
        try:
            return self.open().run(text, received=received, feed=feed, let_go=let_go)
        except BaseException as error:
            let_go()
            if isinstance(error, ConnectionError):
                raise ConnectionLost(self.name, f"the connection was lost: {error}",
                                     next=f"is {self.name} up?") from error
            raise

    def close(self) -> None:
        with self._opening:
            if self._connection is not None:
                self._connection.client.close()
                self._connection = None
