"""A cable that takes its time: what a host sends waits on this machine before it leaves, packet after packet.

For kernels without netem. In the host's network a policy route leads all that it sends to a TUN interface. This
program reads the packets there, whole and with their checksums, holds them, and sends them by a raw socket whose mark
leads past that route. It ends with its interface, and by itself where the host's faults are no longer noted.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import select
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from runbook.testbed.program import run

DEVICE = Path("/dev/net/tun")
INTERFACE = "slow"
MARK, TABLE = 0x51, "51"
PAST, INTO = "100", "101"
"""Priorities of the two rules: the marked ones go as ever, all others of the host's own to the interface."""

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h
IPV6_HDRINCL = 36  # linux/in6.h
LONGEST = 1 << 16
"""Bytes of a packet, at most (RFC 791, 3.1)."""

QUEUE = 2000
"""Packets that wait at most; what comes then is lost, as at a router."""

LOOK = 0.5
"""Seconds between two looks at whether it is still wanted."""

Sender = tuple[socket.socket, slice]
"""A socket that takes whole packets, and where in a packet its destination is."""

HEAL = """
for version in -4 -6; do
    for which in "$2" "$3"; do ip $version rule delete pref "$which" 2>/dev/null; done
    ! ip $version rule show 2>/dev/null | grep -q "^\\($2\\|$3\\):" || exit 1
done
ip link delete "$1" 2>/dev/null
! ip link show "$1" >/dev/null 2>&1
"""

FAMILIES = {4: (socket.AF_INET, socket.IPPROTO_IP, socket.IP_HDRINCL, slice(16, 20)),
            6: (socket.AF_INET6, socket.IPPROTO_IPV6, IPV6_HDRINCL, slice(24, 40))}
"""By the IP version: family, level and option of a socket that takes whole packets, and where the destination is."""


def lead(addresses: list[str]) -> None:
    """Brings the interface up, and leads there what is sent from one of these addresses or on to none yet."""
    run("ip", "link", "set", INTERFACE, "up", "txqueuelen", str(QUEUE))
    for address in addresses:
        version = "-6" if ":" in address else "-4"
        run("ip", version, "route", "add", "default", "dev", INTERFACE, "src", address, "table", TABLE)
        run("ip", version, "rule", "add", "pref", PAST, "fwmark", str(MARK), "lookup", "main")
        run("ip", version, "rule", "add", "pref", INTO, "iif", "lo", "lookup", TABLE)


def healing() -> tuple[str, ...]:
    """What takes all of it back, the program too; whatever of it is gone already."""
    return ("sh", "-c", HEAL, "sh", INTERFACE, PAST, INTO)


def opened() -> int:
    """The interface, made in the network that this process is in. Raises OSError without TUN."""
    tun = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", INTERFACE.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def hold(tun: int, senders: Mapping[int, Sender], delay: float, spread: float, notes: Path) -> None:
    """Holds each packet `delay` seconds, `spread` more or less, in the order in which they came."""
    waiting: deque[tuple[float, bytes]] = deque()
    last = looked = 0.0
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, packet = waiting.popleft()
            sender, where = senders[packet[0] >> 4]
            with contextlib.suppress(OSError):  # a filter, or nobody there: as on any cable
                sender.sendto(packet, (socket.inet_ntop(sender.family, packet[where]), 0))
        if now - looked > LOOK:
            looked = now
            if not notes.exists():
                return
        pause = min(waiting[0][0] - now, LOOK) if waiting else LOOK
        if not select.select([tun], [], [], max(pause, 0.0))[0]:
            continue
        try:
            packet = os.read(tun, LONGEST)
        except BlockingIOError:
            continue
        except OSError:  # the interface is gone
            return
        if packet[0] >> 4 in senders and len(waiting) < QUEUE:
            last = max(last, time.monotonic() + delay + random.uniform(-spread, spread))
            waiting.append((last, packet))


def sender_of(version: int) -> Sender:
    family, level, option, where = FAMILIES[version]
    sender = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    sender.setsockopt(level, option, 1)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK)
    return sender, where


def main() -> int:
    """Arguments: milliseconds, their spread, the file where the host's faults are noted, the host's addresses."""
    milliseconds, spread, notes, *addresses = sys.argv[1:]
    senders = {version: sender_of(version) for version in {6 if ":" in one else 4 for one in addresses}}
    tun = opened()
    lead(addresses)
    if os.fork():
        return 0
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    hold(tun, senders, int(milliseconds) / 1e3, int(spread) / 1e3, Path(notes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
