"""A shell over SSH: one connection a host, opened once and shared by threads."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from runbook.errors import ConnectionLost
from runbook.remote.exchange import Exchange, Feed
from runbook.remote.jump import Jumps
from runbook.remote.keys import Keys
from runbook.remote.line import Line, Received
from runbook.remote.shell import Recorder
from runbook.remote.strict import StrictShell
from runbook.site_tables import Host

if TYPE_CHECKING:
    from fabric import Connection

    from runbook.remote.runner import FastRunner
    from runbook.remote.standing import Standing

AT_ONCE = 7
"""Commands at once on one connection, besides the standing shell's: sshd's MaxSessions is 10 by default (`man 5
sshd_config`), to stop one wants a session too, and sshd counts one that we closed for a moment more."""


class SshShell(StrictShell):
    """A host of the site. It is reached at the first command, and again after the connection was lost."""

    def __init__(self, host: Host, recorder: Recorder, keys: Keys | None = None,
                 jumps: Jumps | None = None) -> None:
        super().__init__(host.name, recorder, user=host.ssh.user, sudo=host.ssh.sudo)
        self.host = host
        self.lease_units = host.ssh.leases == "unit"
        self._keys = keys or Keys()
        self._jumps = jumps or Jumps()
        self._connection: Connection | None = None
        self._runner: FastRunner | None = None
        self._standing: Standing | None = None
        self._may_stand, self._plain = True, 0
        self._opening = threading.Lock()
        self._setting_up = threading.Lock()
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def open(self) -> FastRunner:
        """The runner of the open connection. Raises Unreachable, HostKeyRefused, LoginRefused."""
        with self._opening:
            if self._connection is None or not self._connection.is_connected:
                # Here, not above: Fabric's import costs 0.2 s, and only who connects has to pay.
                from runbook.remote.connect import connect

                self._connection = connect(self.host, self._keys, self._jumps)
                self._runner = self._connection.config.runners.remote(context=self._connection)
                self._runner.crowded = self._make_room
                self._may_stand, self._standing, self._plain = True, None, 0
            return self._runner

    def _reach(self) -> None:
        self.open()
        # Not for the first command of its kind, which may be the only one and tells whether there is a timeout(1).
        if self._watched and self._plain and self._may_stand and self._setting_up.acquire(blocking=False):
            try:
                self._set_up()
            finally:
                self._setting_up.release()

    def _set_up(self) -> None:
        """Has a standing shell at hand, where the host lets one stand."""
        old = self._standing
        if old is not None and (old.open or not old.idle):
            return
        from runbook.remote.standing import Standing

        if old is not None and old.killed:
            self._clear(old)
        elif old is not None:
            old.close()
        self._standing = Standing.opened(self.open())
        self._may_stand = self._standing is not None

    def _make_room(self) -> None:
        """The host opens no more sessions: ours that stands idle is given up, while this connection lasts."""
        if self._standing is not None and self._standing.idle:
            self._may_stand = False
            self._standing.close()

    def _clear(self, standing: Standing) -> None:
        """Takes away what a standing shell could not take away itself."""
        from runbook.remote.standing import LEFT

        if self._connection is None or not self._connection.is_connected:
            return  # it has seen to that itself
        self.tell(("sh", "-c", LEFT, "sh", str(standing.pid), standing.path), sudo=False)

    def _send(self, sent: Line, received: Received, feed: Feed, *, spare: bool = False) -> Exchange:
        try:
            if sent.nested and feed is None and received.kept and not spare:
                self._plain += 1
                if self._standing is not None and (exchange := self._standing.send(sent.nested, received, self._clear)):
                    return exchange
            return self._send_apart(sent.text, received, feed, spare=spare)
        except ConnectionError as error:
            raise ConnectionLost(self.name, f"the connection was lost: {error}", next=f"is {self.name} up?") from error

    def _send_apart(self, text: str, received: Received, feed: Feed, *, spare: bool) -> Exchange:
        """Over a channel of its own."""
        if not spare:
            self._places.acquire()
        let_go = (lambda: None) if spare else self._places.release
        try:
            return self.open().run(text, received=received, feed=feed, let_go=let_go)
        except BaseException:
            let_go()
            raise

    def close(self) -> None:
        with self._opening:
            if self._connection is not None:
                self._connection.client.close()
                self._connection = None
