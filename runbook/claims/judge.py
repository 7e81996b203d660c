"""Judges: the functions that decide claims, and how many claims are decided."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from runbook.claims.ledger import Claim, Ledger, LedgerError, load_ledger
from runbook.errors import RunbookError
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


@dataclass(frozen=True)
class Row:
    """*Article says / measured here*: one element of `claims` in summary.json, one line in the journal."""

    id: str
    state: Standing
    article: str
    measured: str
    holds: bool | None
    why: str
    basis: Basis

    def to_dict(self) -> dict[str, Any]:
        return vars(self) | {"state": str(self.state), "basis": str(self.basis)}

    def __str__(self) -> str:
        told = {True: "holds", False: "does not hold", None: str(self.state)}[self.holds]
        return f"{self.id}: {told}: {self.measured or self.why}"


def row(claim: Claim, judgement: Judgement | None = None) -> Row:
    """What is said of a claim in a run; without a judgement, why there is none."""
    state, why = standing(claim, judgement)
    measured, holds, basis = ("", None, Basis.NATIVE) if judgement is None else \
        (judgement.measured, judgement.holds, Basis(judgement.basis))
    return Row(claim.id, state, claim.article, measured, holds, why, basis)


def judge_all(chapter: str, evidence: object) -> tuple[Row, ...]:
    """Ask every judge of a chapter that takes this kind of evidence; in the ledger's order.

    A judge may return None: the evidence does not decide its claim. One that fails with an error of ours
    makes its claim not measurable, with the error as the reason; the others are asked all the same.
    """
    rows = []
    for claim in load_ledger().of_chapter(chapter):
        judge = judge_of(claim.id)
        if judge is None or not isinstance(evidence, _evidence_of(judge)):
            continue
        try:
            judgement = judge(evidence)
        except RunbookError as error:
            judgement = Judgement(None, "", why=f"its judge could not measure: {error.what}")
        if judgement is not None:
            rows.append(row(claim, judgement))
    return tuple(rows)


def _evidence_of(judge: Callable[..., Any]) -> Any:
    """The type of a judge's first argument."""
    hints = typing.get_type_hints(judge)
    first = next(iter(inspect.signature(judge).parameters))
    if first not in hints:
        raise LedgerError(f"{_name(judge)}: its first argument has no type",
                          next="annotate it with its evidence")
    return hints[first]


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
