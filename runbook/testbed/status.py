"""How a bed stands: each host's power, address and sshd."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from runbook.testbed import host
from runbook.testbed.layout import Layout
from runbook.testbed.network import interface_is_there

READY = "ready"
"""The file in a bed's state folder that `up` writes last."""


@dataclass(frozen=True)
class HostStatus:
    """One host as it is now."""

    name: str
    address: str
    on: bool
    since: datetime | None
    sshd: bool

    @property
    def ok(self) -> bool:
        return self.on and self.sshd

    def __str__(self) -> str:
        if not self.on or self.since is None:
            return f"{self.name} ({self.address}): off"
        return (f"{self.name} ({self.address}): up since {self.since:%H:%M:%S} UTC, "
                f"sshd {'answers' if self.sshd else 'does not answer'}")


@dataclass(frozen=True)
class BedStatus:
    """A whole bed as it is now."""

    name: str
    standing: bool
    hosts: tuple[HostStatus, ...]

    @property
    def ok(self) -> bool:
        """Whether the bed stands and every host answers."""
        return self.standing and all(one.ok for one in self.hosts)

    def __str__(self) -> str:
        if not self.standing:
            return f"{self.name}: down"
        return f"{self.name}: up; " + "; ".join(map(str, self.hosts))


def stands(layout: Layout) -> bool:
    """Whether `up` finished and the network is there still: only then may the bed's addresses be used."""
    return (layout.state / READY).exists() and interface_is_there(layout.interface)


def status_of(layout: Layout) -> BedStatus:
    """Ask every host side by side; nothing is sent where the bed is down."""
    if not stands(layout):
        return BedStatus(layout.name, False, ())
    with ThreadPoolExecutor(max_workers=len(layout.places)) as pool:
        answered = pool.map(host.answers, layout.places)
        hosts = []
        for place, sshd in zip(layout.places, answered, strict=True):
            power = host.power(place)
            since = datetime.fromtimestamp(power.since, UTC) if power.on else None
            hosts.append(HostStatus(place.name, str(place.address), power.on, since, sshd))
    return BedStatus(layout.name, True, tuple(hosts))
