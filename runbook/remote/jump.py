"""The hosts that others are reached through: one connection each, for all that lie behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from runbook.errors import Unreachable
from runbook.site_tables import Host

if TYPE_CHECKING:
    from fabric import Connection
    from paramiko import Channel


class Jumps:
    """The connections to a fleet's jump hosts, each opened at its first use and again after it was lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str, int], Connection] = {}

    def channel(self, host: Host, jump: Host, until: float, connect: Callable[[Host], Connection]) -> Channel:
        """A stream to the host's sshd by way of the jump host. Raises Unreachable, and what `connect` raises."""
        from paramiko import ChannelException, SSHException

        at = (jump.ssh.user, jump.address, jump.ssh.port)
        with self._lock:
            if at not in self._open or not self._open[at].is_connected:
                self._open[at] = connect(jump)
            transport = self._open[at].transport
        where = f"{host.address} port {host.ssh.port}"
        try:
            return transport.open_channel("direct-tcpip", (host.address, host.ssh.port), ("127.0.0.1", 0),
                                          timeout=max(until - time.monotonic(), 0.05))
        except ChannelException as error:
            raise Unreachable(
                host.name, f"{jump.address} does not get through to {where}: {error.text or error}",
                next=f"is {host.name} up, and may {jump.ssh.user} forward TCP on {jump.address} "
                     "(`AllowTcpForwarding` of its sshd)?") from error
        except (SSHException, EOFError, OSError) as error:
            raise Unreachable(host.name, f"{where} does not answer within {host.ssh.connect_seconds:g} s by way of "
                                         f"{jump.address}",
                              next=f"is {host.name} up, is a firewall between it and {jump.address}?") from error

    def close(self) -> None:
        with self._lock:
            for connection in self._open.values():
                connection.client.close()
            self._open.clear()
