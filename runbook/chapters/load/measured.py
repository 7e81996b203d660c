"""What came of the load, loop by loop, with what the hosts did meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook.chapters.load.closed_loop import Asked
from runbook.chapters.load.effort import Effort
from runbook.chapters.load.open_loop import Sent
from runbook.chapters.load.spread import Spread
from runbook.show.tables import sentence, table


@dataclass(frozen=True)
class Meanwhile:
    """The targets' efforts; a host that could not be looked at is named with the reason."""

    efforts: tuple[Effort, ...] = ()
    unseen: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, repr=False)
class Opened:
    """The open loop; `why` says why nothing was sent."""

    routes: tuple[Sent, ...] = ()
    meanwhile: Meanwhile = Meanwhile()
    why: str = ""

    @property
    def pending(self) -> bool:
        return bool(self.why)

    def __str__(self) -> str:
        return self.why or f"sent, at times of its own: {', '.join(one.route for one in self.routes)}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(("route", "sent 1/s", "answered 1/s", "50 % ms", "90 % ms", "99 % ms", "longest ms"), (
            (one.route, f"{one.rate.mean:.0f}", spread_text(one.throughput), f"{one.whole.p50 * 1e3:.2f}",
             f"{one.whole.p90 * 1e3:.2f}", f"{one.whole.p99 * 1e3:.2f}", f"{one.whole.longest * 1e3:.2f}")
            for one in self.routes)) if self.routes else sentence(self.why)


@dataclass(frozen=True, repr=False)
class Closed:
    """The closed loop; `why` says why nothing was asked, `without` that the sender lacks the program."""

    routes: tuple[Asked, ...] = ()
    meanwhile: Meanwhile = Meanwhile()
    why: str = ""
    without: str = ""

    @property
    def pending(self) -> bool:
        return bool(self.why)

    def __str__(self) -> str:
        done = ", ".join(one.route for one in self.routes)
        return self.why or self.without or f"asked, one after the other on each connection: {done}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(("route", "of", "requests 1/s", "50 % ms", "99 % ms", "errors"), (
            (one.route, one.host, spread_text(one.rate), spread_text(Spread([turn.p50 * 1e3 for turn in one.turns])),
             spread_text(Spread([turn.p99 * 1e3 for turn in one.turns])), str(one.errors))
            for one in self.routes)) if self.routes else sentence(self.why or self.without)


def spread_text(spread: Spread) -> str:
    """The mean with its 95 % interval, or with the range where there are too few repeats for one."""
    if spread.half_width is not None:
        return f"{spread.mean:.4g} ± {spread.half_width:.2g}"
    low, high = spread.range
    return f"{spread.mean:.4g} ({low:.4g} to {high:.4g})"
