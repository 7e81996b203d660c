"""Judges: the functions that decide claims, and how many claims are decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from runbook.claims.ledger import Claim, Ledger, LedgerError
from runbook.verdict import Basis

Function = TypeVar("Function", bound=Callable[..., Any])

_JUDGES: dict[str, Callable[..., Any]] = {}


@dataclass(frozen=True)
class Judgement:
    """What was measured, and whether the claim holds; None: not measurable, and `why` says what lacks."""

    holds: bool | None
    measured: str
    basis: Basis | str = Basis.NATIVE
    why: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "basis", Basis(self.basis))
        if self.holds is None and not self.why:
            raise ValueError("a judgement that could not be made has to say in `why` what is missing")

    def __str__(self) -> str:
        if self.holds is None:
            return f"not measurable: {self.why}"
        return f"{'holds' if self.holds else 'does not hold'}: {self.measured}"


class Standing(StrEnum):
    """Where a claim stands in a run."""

    JUDGED = "judged"
    NOT_MEASURABLE = "not-measurable"     # `why` names what is missing
    PENDING = "pending"                   # no judge is written yet


def judges(id: str) -> Callable[[Function], Function]:
    """Register the decorated function as the one judge of a claim.

    It takes the chapter's evidence, by its type, and returns a Judgement, or None where that decides nothing.
    Raises LedgerError where the claim has a judge already.
    """
    def register(function: Function) -> Function:
        known = _JUDGES.get(id)
        if known and (known.__module__, known.__qualname__) != (function.__module__, function.__qualname__):
            raise LedgerError(f"claim {id}: judged by {_name(known)} and by {_name(function)}",
                              next="a claim has one judge: take one of them away")
        _JUDGES[id] = function            # the same again: its module was reloaded
        return function
    return register


def judge_of(id: str) -> Callable[..., Any] | None:
    """The judge of a claim, once its chapter's judges are imported; None where there is none yet."""
    return _JUDGES.get(id)


def judged_ids() -> tuple[str, ...]:
    """The claims that have a judge among what is imported."""
    return tuple(sorted(_JUDGES))


def standing(claim: Claim, judgement: Judgement | None = None) -> tuple[Standing, str]:
    """Where a claim stands, and why."""
    if judgement is not None:
        if judgement.holds is None:
            return Standing.NOT_MEASURABLE, judgement.why
        return Standing.JUDGED, judgement.why or claim.why
    if claim.cannot_judge:
        return Standing.NOT_MEASURABLE, claim.cannot_judge
    if judge_of(claim.id):
        return Standing.NOT_MEASURABLE, f"{claim.chapter} did not come to judge it in this run"
    return Standing.PENDING, claim.why


@dataclass(frozen=True)
class Counts:
    """How many claims stand where."""

    judged: int
    not_measurable: int
    pending: int

    def __str__(self) -> str:
        return f"{self.judged} judged, {self.not_measurable} not measurable here, {self.pending} pending"


def count(ledger: Ledger, judgements: Mapping[str, Judgement]) -> Counts:
    """The claims of a run by their standing; raises LedgerError for a judgement of an unknown claim."""
    for id in judgements:
        ledger.claim(id)
    found = [standing(claim, judgements.get(claim.id))[0] for claim in ledger.claims]
    return Counts(*(found.count(one) for one in Standing))


def row(claim: Claim, judgement: Judgement | None = None) -> dict[str, Any]:
    """One element of `claims` in summary.json; without a judgement, `why` says why there is none."""
    state, why = standing(claim, judgement)
    return {
        "id": claim.id, "state": str(state), "article": claim.article,
        "measured": judgement.measured if judgement else "",
        "holds": judgement.holds if judgement else None, "why": why,
        "basis": str(judgement.basis if judgement else Basis.NATIVE),
    }


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
