"""How far a figure varies by itself, so that a difference is told from noise, and which way is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runbook.report.summary import Summary
from runbook.verdict import Figure

LEAST_RUNS = 3  # fewer earlier values say nothing about how a figure varies
FLOORS: Mapping[str, float] = {"s": 0.05, "ms": 1.0}  # what a scheduler alone makes of a time
INTERVAL = "interval_95"  # half of a figure's own 95 % interval, as the load test gives it beside the figure
MEANS = ("answered", "requests_per_second")  # what that interval is of


@dataclass(frozen=True)
class Noise:
    """The band of a figure as a share of its first value; 0.25 is a quarter."""

    share: float = 0.25

    def band(self, name: str, figure: Figure, first: Mapping[str, Figure], second: Mapping[str, Figure],
             spread: Mapping[str, float]) -> float:
        """The widest of: the share (of times and rates alone: what is counted is exact), the unit's floor, the
        figure's own 95 % intervals in both runs, and how far it was spread over earlier runs.
        """
        measured = self.share * abs(figure.value) if better_is(figure.unit) else 0.0
        own = sum(numbers[beside].value for numbers in (first, second)
                  for beside in [interval_of(name)] if beside in numbers)
        return max(measured, FLOORS.get(figure.unit, 0.0), own, spread.get(name, 0.0))


def better_is(unit: str) -> str:
    """`less` for times and failed requests, `more` for rates; empty where neither is better."""
    return {"s": "less", "ms": "less", "requests": "less", "1/s": "more", "requests/s": "more"}.get(unit, "")


def interval_of(name: str) -> str:
    """The name of the interval that stands beside a mean; empty where the figure is none."""
    parts = name.split(".")
    for mean in MEANS:
        if mean in parts:
            return ".".join(INTERVAL if part == mean else part for part in parts)
    return ""


def says_noise(name: str) -> bool:
    """Whether the figure says how far another one varies: it is no result, and neither way of it is better."""
    return not {INTERVAL, "deviation"}.isdisjoint(name.split("."))


def spread_of(earlier: Sequence[Summary]) -> dict[str, float]:
    """By figure, the distance between its least and its most in earlier runs, where there are enough of them."""
    seen: dict[str, list[float]] = {}
    for summary in earlier:
        for name, figure in summary.numbers.items():
            seen.setdefault(name, []).append(figure.value)
    return {name: max(values) - min(values) for name, values in seen.items() if len(values) >= LEAST_RUNS}
