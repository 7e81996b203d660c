"""Verdicts: pass, fail, skipped or blocked, with a reason, the figures and where the journal shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    SKIPPED = "skipped"
    BLOCKED = "blocked"


class Basis(StrEnum):
    """How a figure was come by; an emulated or estimated one is never called anything else."""

    NATIVE = "native"
    EMULATED = "emulated"
    SIMULATED = "simulated"
    ESTIMATED = "estimated"


@dataclass(frozen=True)
class Figure:
    """One measured number with its unit, the host it is of, and its basis."""

    value: float
    unit: str
    host: str | None = None
    basis: Basis = Basis.NATIVE

    def __str__(self) -> str:
        note = "" if self.basis is Basis.NATIVE else f" ({self.basis})"
        return f"{self.value:g} {self.unit}{note}"

    def to_dict(self) -> dict[str, object]:
        """As a journal's line and summary.json have it."""
        return {"value": self.value, "unit": self.unit, "host": self.host, "basis": str(self.basis)}


@dataclass(frozen=True)
class Verdict:
    """What was looked at, on which host, and what is so. `reason` is a sentence without figures that vary."""

    what: str
    state: State
    reason: str
    host: str | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)
    journal: tuple[int, int] | None = None

    @property
    def ok(self) -> bool:
        """True unless it failed or was blocked; skipped is not passed, but it is no failure."""
        return self.state in (State.PASS, State.SKIPPED)

    def to_dict(self) -> dict[str, object]:
        """As a journal's line has it, its host and its span beside it."""
        figures = {name: figure.to_dict() for name, figure in self.figures.items()}
        return {"what": self.what, "state": self.state, "reason": self.reason, "figures": figures}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any], host: str | None) -> Verdict:
        """What `to_dict` wrote, read again; without its span."""
        figures = told.get("figures")
        return cls(str(told.get("what", "")), State(str(told.get("state"))), str(told.get("reason", "")), host,
                   {name: Figure(float(one["value"]), str(one["unit"]), one.get("host"), Basis(one["basis"]))
                    for name, one in (figures.items() if isinstance(figures, Mapping) else ())})

    def __str__(self) -> str:
        return f"{self.host + ': ' if self.host else ''}{self.what}: {self.state}, {self.reason}"


def passed(what: str, reason: str, host: str | None = None, **figures: Figure) -> Verdict:
    return Verdict(what, State.PASS, reason, host, figures)


def failed(what: str, reason: str, host: str | None = None, **figures: Figure) -> Verdict:
    return Verdict(what, State.FAIL, reason, host, figures)


def skipped(what: str, reason: str, host: str | None = None, **figures: Figure) -> Verdict:
    return Verdict(what, State.SKIPPED, reason, host, figures)


def blocked(what: str, reason: str, host: str | None = None, **figures: Figure) -> Verdict:
    return Verdict(what, State.BLOCKED, reason, host, figures)


@dataclass(frozen=True)
class Verdicts:
    """Verdicts in the order in which they were asked for."""

    verdicts: tuple[Verdict, ...] = ()

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    def __add__(self, other: Iterable[Verdict]) -> Verdicts:
        return Verdicts(self.verdicts + tuple(other))

    @property
    def ok(self) -> bool:
        return all(verdict.ok for verdict in self.verdicts)

    @property
    def state(self) -> State:
        """The worst: fail, then blocked, then pass; skipped only where nothing passed."""
        return overall(verdict.state for verdict in self.verdicts)

    def __str__(self) -> str:
        return "\n".join(str(verdict) for verdict in self.verdicts) or "nothing was judged"


def overall(states: Iterable[State]) -> State:
    """One state for many: fail beats blocked beats pass beats skipped; none at all is skipped."""
    seen = set(states)
    for state in (State.FAIL, State.BLOCKED, State.PASS):
        if state in seen:
            return state
    return State.SKIPPED
