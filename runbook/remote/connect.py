"""One SSH connection: reached within the site's limit, its host key checked, logged in; or why not."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from runbook.errors import HostKeyRefused, Unreachable
from runbook.remote.hostkey import Pin, algorithms_of
from runbook.remote.jump import Jumps
from runbook.remote.keys import Keys
from runbook.remote.reach import reach
from runbook.remote.secret import Reference
from runbook.site_tables import Host

if TYPE_CHECKING:
    from fabric import Connection
    from paramiko import Channel


def connect(host: Host, keys: Keys, jumps: Jumps | None = None) -> Connection:
    """An open connection, through the site's jump host where it names one.

    Raises Unreachable, HostKeyRefused, LoginRefused within `connect_seconds`.
    """
    if any(Reference(str(one)).asks for one in (host.ssh.key, host.ssh.passphrase) if one):
        keys.of(host)                     # a person takes a while: before the clock starts, and before an sshd waits
    pin = Pin(host.name, host.address, host.ssh.port, host.ssh.known_hosts, host.ssh.host_key)
    until = time.monotonic() + host.ssh.connect_seconds
    refused: list[HostKeyRefused] = []
    passed_by: tuple[str, ...] = ()
    while True:
        try:
            stream = _stream(host, keys, jumps or Jumps(), until)
            try:
                # Here, not above: Fabric's import costs 0.2 s, in which the hosts' sshds get ready for us.
                from runbook.remote.login import login

                key = keys.of(host)
            except BaseException:
                stream.close()
                raise
            return login(host, key, pin, passed_by, until, stream)
        except HostKeyRefused as error:
            # A fingerprint does not tell its kind: the host may have the pinned key beside the one it prefers.
            refused.append(error)
            shown = error.what.partition(" seen ")[2].split(" ")[0]
            more = algorithms_of(shown)
            if not host.ssh.host_key or not more or set(more) <= set(passed_by):
                raise refused[0] from None
            passed_by += more
        except Unreachable:
            if refused:  # no kind of key is left
                raise refused[0] from None
            raise


def _stream(host: Host, keys: Keys, jumps: Jumps, until: float) -> socket.socket | Channel:
    if host.jump is None:
        return reach(host, until)
    return jumps.channel(host, host.jump, until, lambda jump: connect(jump, keys))
