"""One SSH connection: reached within the site's limit, its host key checked, logged in; or why not."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko
from fabric import Config, Connection

from runbook.errors import HostKeyRefused, LoginRefused, Unreachable
from runbook.remote.hostkey import Pin
from runbook.remote.jump import Jumps
from runbook.remote.keys import Keys
from runbook.remote.runner import FastRunner, HearingTransport
from runbook.site_tables import Host

# A peer that is gone is noticed within seconds; paramiko's own keepalive still hung after 25 s. `man 7 tcp`.
KEEPALIVE = {socket.TCP_KEEPIDLE: 2, socket.TCP_KEEPINTVL: 1, socket.TCP_KEEPCNT: 3}
USER_TIMEOUT_MS = 4000

CHEAPEST = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
"""Ciphers that need no MAC beside them (RFC 5647): a third less of this side's time for a packet than paramiko's first
choice, AES-CTR with an HMAC. A host that has none of them gets what paramiko offers next."""

# Without a handler, its tracebacks go to a notebook's stderr.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


DEVICE_TESTS = (ipaddress.ip_network("198.18.0.0/15"), ipaddress.ip_network("2001:2::/48"))
"""Set aside for tests of network devices, routed nowhere (RFC 2544, RFC 5180): the testbed's hosts are there."""


class _SiteKeys(paramiko.MissingHostKeyPolicy):
    """Every key goes through the pin; nothing is ever added."""

    def __init__(self, pin: Pin) -> None:
        self._pin = pin

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        self._pin.check(key.get_name(), key.asbytes())


def connect(host: Host, keys: Keys, jumps: Jumps | None = None) -> Connection:
    """An open connection, through the site's jump host where it names one.

    Raises Unreachable, HostKeyRefused, LoginRefused within `connect_seconds`.
    """
    key = keys.of(host)  # may ask a person, so before the clock starts
    pin = Pin(host.name, host.address, host.ssh.port, host.ssh.known_hosts, host.ssh.host_key)
    until = time.monotonic() + host.ssh.connect_seconds
    refused: list[HostKeyRefused] = []
    passed_by: tuple[str, ...] = ()
    while True:
        try:
            return _login(host, key, pin, passed_by, until, _stream(host, keys, jumps or Jumps(), until))
        except HostKeyRefused as error:
            # A fingerprint does not tell its kind: the host may have the pinned key beside the one it prefers.
            refused.append(error)
            shown = error.what.partition(" seen ")[2].split(" ")[0]
            more = _algorithms(shown)
            if not host.ssh.host_key or not more or set(more) <= set(passed_by):
                raise refused[0] from None
            passed_by += more
        except Unreachable:
            if refused:  # no kind of key is left
                raise refused[0] from None
            raise


def _algorithms(kind: str) -> tuple[str, ...]:
    return ("ssh-rsa", "rsa-sha2-256", "rsa-sha2-512") if kind == "ssh-rsa" else (kind,) if kind else ()


def _login(host: Host, key: paramiko.PKey | None, pin: Pin, passed_by: tuple[str, ...],
           until: float, stream: socket.socket | paramiko.Channel) -> Connection:
    ssh = host.ssh
    left = max(until - time.monotonic(), 0.05)
    # Fabric's and SSH's own files are not read: a site says all there is.
    config = Config(lazy=True, overrides={"load_ssh_configs": False, "runners": {"remote": FastRunner}})
    known = [known.kind for known in pin.known()] if not ssh.host_key else []

    def transport(sock: socket.socket, **options: object) -> HearingTransport:
        made = HearingTransport(sock, **options)
        offered = made.get_security_options()
        wanted = [name for kind in known for name in _algorithms(kind)]
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
            raise _too_late(host, "speaks no SSH or does not finish the login") from error
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


def _stream(host: Host, keys: Keys, jumps: Jumps, until: float) -> socket.socket | paramiko.Channel:
    if host.jump is None:
        return _reach(host, until)
    return jumps.channel(host, host.jump, until, lambda jump: connect(jump, keys))


def _reach(host: Host, until: float) -> socket.socket:
    """A TCP connection to the first address that answers. Raises Unreachable."""
    where = f"{host.address} port {host.ssh.port}"
    last: OSError | None = None
    for family, kind, protocol, _, address in _resolve(host, until):
        left = until - time.monotonic()
        if left <= 0:
            break
        _stays_here(host, address[0])
        stream = socket.socket(family, kind, protocol)
        try:
            stream.settimeout(left)
            stream.connect(address)
            _tune(stream)
            return stream
        except OSError as error:
            stream.close()
            last = error
    if isinstance(last, ConnectionRefusedError):
        raise Unreachable(
            host.name, f"nobody listens at {where}",
            next=f"start sshd on {host.name}, or mend `address` and `port` in the site file") from last
    if last is None or isinstance(last, TimeoutError):
        raise _too_late(host, "does not answer") from last
    raise Unreachable(host.name, f"{where} cannot be reached: {last.strerror}",
                      next="check the route and the address in the site file") from last


def _stays_here(host: Host, address: str) -> None:
    """Refuses to send to the testbed's range while no interface of this machine is in it. Raises Unreachable.

    Without a bed, packets to a device-test address would follow the default route and leave the machine.
    """
    if not any(ipaddress.ip_address(address) in prefix for prefix in DEVICE_TESTS):
        return
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect((address, 9))  # a datagram socket's connect sends nothing: it only chooses the route
            here = ipaddress.ip_address(asked.getsockname()[0])
        except OSError:
            here = None
    if here is None or not any(here in prefix for prefix in DEVICE_TESTS):
        raise Unreachable(host.name, f"the testbed is down: {address} is an address of its hosts only",
                          next="`runbook testbed up` brings it up")


def _tune(stream: socket.socket) -> None:
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        stream.setsockopt(socket.IPPROTO_TCP, option, value)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)


def _resolve(host: Host, until: float) -> list[tuple]:
    """The addresses of a host. The resolver knows no limit, so a name is looked up beside the clock."""
    found: list[tuple] = []
    failed: list[OSError] = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(host.address, host.ssh.port, type=socket.SOCK_STREAM))
        except OSError as error:
            failed.append(error)

    try:
        ipaddress.ip_address(host.address.partition("%")[0])
        look_up()
    except ValueError:
        thread = threading.Thread(target=look_up, name="resolve", daemon=True)
        thread.start()
        thread.join(max(until - time.monotonic(), 0))
    if failed:
        raise Unreachable(
            host.name, f"the name {host.address} does not resolve: {failed[0].strerror}",
            next=f"mend `address` of {host.name} in the site file, or the name service") from failed[0]
    if not found:
        raise _too_late(host, "does not resolve")
    return found


def _too_late(host: Host, what: str) -> Unreachable:
    return Unreachable(
        host.name, f"{host.address} port {host.ssh.port} {what} within {host.ssh.connect_seconds:g} s",
        next="is the host up, is a firewall between? `connect_seconds` in the site file is the limit")


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
