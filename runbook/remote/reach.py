"""A TCP connection to a host: to the first of its addresses that answers, within the site's limit; or why not."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time

from runbook.errors import Unreachable
from runbook.site_tables import Host

# A peer that is gone is noticed within seconds; paramiko's own keepalive still hung after 25 s. `man 7 tcp`.
KEEPALIVE = {socket.TCP_KEEPIDLE: 2, socket.TCP_KEEPINTVL: 1, socket.TCP_KEEPCNT: 3}
USER_TIMEOUT_MS = 4000

DEVICE_TESTS = (ipaddress.ip_network("198.18.0.0/15"), ipaddress.ip_network("2001:2::/48"))
"""Set aside for tests of network devices, routed nowhere (RFC 2544, RFC 5180): the testbed's hosts are there."""


def reach(host: Host, until: float) -> socket.socket:
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
        raise too_late(host, "does not answer") from last
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
        raise too_late(host, "does not resolve")
    return found


def too_late(host: Host, what: str) -> Unreachable:
    return Unreachable(
        host.name, f"{host.address} port {host.ssh.port} {what} within {host.ssh.connect_seconds:g} s",
        next="is the host up, is a firewall between? `connect_seconds` in the site file is the limit")
