"""The login over a stream that stands: its host key checked, a user let in; or why not."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko
from fabric import Config, Connection

from runbook.errors import HostKeyRefused, LoginRefused, Unreachable
from runbook.remote.hostkey import Pin, algorithms_of
from runbook.remote.reach import too_late
from runbook.remote.runner import FastRunner, HearingTransport
from runbook.site_tables import Host

CHEAPEST = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
"""Ciphers that need no MAC beside them (RFC 5647): a third less of this side's time for a packet than paramiko's first
choice, AES-CTR with an HMAC. A host that has none of them gets what paramiko offers next."""

# Without a handler, its tracebacks go to a notebook's stderr.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class _SiteKeys(paramiko.MissingHostKeyPolicy):
    """Every key goes through the pin; nothing is ever added."""

    def __init__(self, pin: Pin) -> None:
        self._pin = pin

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        self._pin.check(key.get_name(), key.asbytes())


def login(host: Host, key: paramiko.PKey | None, pin: Pin, passed_by: tuple[str, ...],
          until: float, stream: socket.socket | paramiko.Channel) -> Connection:
    """The connection over this stream, which is closed where it fails. A key of the kinds `passed_by` is not asked for.

    Raises Unreachable, HostKeyRefused, LoginRefused until the time `until` of the monotonic clock.
    """
    ssh = host.ssh
    left = max(until - time.monotonic(), 0.05)
    # Fabric's and SSH's own files are not read: a site says all there is. One for each connection: it fills itself when
    # it is first read, which threads may not do at once.
    config = Config(lazy=True, overrides={"load_ssh_configs": False, "runners": {"remote": FastRunner}})
    known = [known.kind for known in pin.known()] if not ssh.host_key else []

    def transport(sock: socket.socket, **options: object) -> HearingTransport:
        made = HearingTransport(sock, **options)
        offered = made.get_security_options()
        wanted = [name for kind in known for name in algorithms_of(kind)]
        offered.key_types = sorted(offered.key_types, key=lambda name: name not in wanted)
        offered.ciphers = sorted(offered.ciphers, key=lambda name: name not in CHEAPEST)
        return made

    connection = Connection(
        host.address, user=ssh.user, port=ssh.port, config=config,
        connect_kwargs={
            "sock": stream, "pkey": key, "allow_agent": key is None, "look_for_keys": False,
            "timeout": left, "banner_timeout": left, "auth_timeout": left, "channel_timeout": left,
            "transport_factory": transport, "disabled_algorithms": {"keys": list(passed_by)},
        },
    )
    connection.client.set_missing_host_key_policy(_SiteKeys(pin))
    late = threading.Event()
    try:
        with _deadline(stream, until, late):
            connection.open()
    except BaseException as error:
        connection.client.close()
        stream.close()
        if isinstance(error, HostKeyRefused):
            raise
        if late.is_set() or "timeout" in str(error).lower() and isinstance(error, paramiko.SSHException):
            raise too_late(host, "speaks no SSH or does not finish the login") from error
        if isinstance(error, paramiko.AuthenticationException):
            raise LoginRefused(
                host.name, f"{ssh.user}@{host.address} is not let in: {error}",
                next=f"put the public half of {ssh.key or 'a key of the agent'} into {ssh.user}'s authorized_keys "
                     f"on {host.name}, or mend `user` and `key` in the site file") from error
        if isinstance(error, (paramiko.SSHException, OSError, EOFError)):
            raise Unreachable(
                host.name, f"{host.address} port {ssh.port} is there, but the SSH connection failed: "
                           f"{error or type(error).__name__}",
                next=f"see sshd's log on {host.name}; is port {ssh.port} its port?") from error
        raise
    return connection


@contextmanager
def _deadline(stream: socket.socket | paramiko.Channel, until: float, late: threading.Event) -> Iterator[None]:
    """Shuts the socket when the time has come: paramiko counts its limits one after the other."""

    def shut() -> None:
        late.set()
        try:
            stream.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it was closed in the meantime

    timer = threading.Timer(max(until - time.monotonic(), 0), shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
