"""What load is sent: from where, to whom, at which rate, for how long and how often; every number has a bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from runbook.errors import Blocked, ParameterError
from runbook.site import Host, Site

ANSWER_SECONDS = 5.0
"""How long one request waits for its answer before it counts as an error."""

PAUSE_SECONDS = 0.05  # between two turns, for what the programs take to start and to report
MOST_RATE, MOST_SECONDS, MOST_REPEATS, MOST_CONNECTIONS = 20_000, 300, 30, 1_000
LONGEST = 14 * 60.0
"""Seconds that one loop may take in all: the hosts' locks, taken at its begin, last a minute longer."""


@dataclass(frozen=True)
class Depth:
    """How much is sent: requests a second, connections and threads, seconds a turn, counted turns."""

    rate: int
    connections: int
    threads: int
    seconds: int
    repeats: int


DEPTHS: Mapping[str, Depth] = {
    "rehearsal": Depth(rate=100, connections=8, threads=2, seconds=1, repeats=5),
    "full": Depth(rate=1000, connections=100, threads=4, seconds=30, repeats=10),
}
"""`full` has the connections, threads, seconds and repeats of the article's own figures (3.1)."""


@dataclass(frozen=True)
class Route:
    """What is asked for: a word for people, and the path."""

    name: str
    path: str


@dataclass(frozen=True, repr=False)
class Schedule:
    """One load test, before anything of it is sent."""

    sender: Host
    targets: tuple[Host, ...]
    port: int
    depth: Depth
    user: str  # the id of the user that is read, made for the test and deleted after it

    @property
    def routes(self) -> tuple[Route, ...]:
        return Route("/ping", "/ping"), Route("a user from etcd", f"/users/{self.user}")

    def url(self, host: Host, path: str) -> str:
        address = f"[{host.address}]" if ":" in host.address else host.address
        return f"http://{address}:{self.port}{path}"

    @property
    def closed_seconds(self) -> float:
        """What all turns of all routes take in the closed loop."""
        return len(self.routes) * self.depth.repeats * (self.depth.seconds + PAUSE_SECONDS)

    @property
    def open_seconds(self) -> float:
        """The same in the open loop, which comes first: a turn of each route more, which is not counted."""
        return self.closed_seconds + len(self.routes) * (self.depth.seconds + PAUSE_SECONDS)

    @property
    def limit(self) -> float:
        """Seconds after which either loop is stopped on both sides, whatever became of it."""
        return self.open_seconds + len(self.routes) * (self.depth.repeats + 1) * ANSWER_SECONDS + 30.0

    def __str__(self) -> str:
        depth, to = self.depth, " and ".join(host.name for host in self.targets)
        routes = " and ".join(route.name for route in self.routes)
        return (f"{self.sender.name} asks {to} for {routes}: {depth.repeats} turns of {depth.seconds} s a loop; "
                f"open loop {depth.rate} requests/s, after a turn that does not count; "
                f"closed loop {depth.connections} connections")

    __repr__ = __str__


def schedule(site: Site, sender: Host | None, targets: tuple[Host, ...], user: str,
             asked: Mapping[str, int]) -> Schedule:
    """The site's depth, with what was asked for in its place; 0 asks for nothing.

    Raises Blocked where there is nobody to send to, ParameterError for a number out of bounds.
    """
    if sender is None or not targets:
        raise Blocked(
            f"{site.name} has no host that runs the service beside the one that sends the load",
            next='give another host the role "load", or a second one the role "service"',
        )
    bounds = {"rate": MOST_RATE, "seconds": MOST_SECONDS, "repeats": MOST_REPEATS, "connections": MOST_CONNECTIONS}
    for name, value in asked.items():
        if not 0 <= value <= bounds[name]:
            raise ParameterError(f"{name} = {value}: not between 1 and {bounds[name]} (0: as the site's depth has it)",
                                 next=f"set {name} in the parameters cell, or by -p 08.{name}=VALUE")
    depth = replace(DEPTHS[site.load.depth], **{name: value for name, value in asked.items() if value})
    depth = replace(depth, threads=min(depth.threads, depth.connections))
    wanted = Schedule(sender, targets, site.service.port, depth, user)
    if wanted.limit > LONGEST:
        raise ParameterError(
            f"{depth.repeats} turns of {depth.seconds} s may take {wanted.limit / 60:.0f} minutes a loop, and "
            f"{LONGEST / 60:.0f} is the most", next="fewer `repeats` or shorter `seconds`")
    return wanted
