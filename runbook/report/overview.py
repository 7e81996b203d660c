"""The claims at a glance: for each chapter how many hold, do not hold, or were not decided here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runbook.claims.ledger import load_ledger
from runbook.contents import CONTENTS
from runbook.report.summary import Summary
from runbook.report.view import claim_mark

MARKS = ("holds", "does not hold", "undecided", "not-measurable", "no judge")


@dataclass(frozen=True)
class Outcome:
    """One part of a chapter's bar: how many claims came out so, and which share of the longest bar that is."""

    mark: str
    count: int
    percent: float


@dataclass(frozen=True)
class ChapterClaims:
    """One bar: the chapter's name and its parts, those of no claim left out."""

    chapter: str
    count: int
    outcomes: tuple[Outcome, ...]


def claims_overview(summary: Summary) -> tuple[ChapterClaims, ...]:
    """One bar for each chapter that has claims, in the order of the contents, then chapters that are not there yet."""
    home = {claim.id: claim.chapter for claim in load_ledger().claims}
    marks: dict[str, list[str]] = {}
    for claim in summary.claims:
        marks.setdefault(home.get(claim.id, ""), []).append(claim_mark(claim))
    known = [title.name for title in CONTENTS]
    order = [name for name in known if name in marks] + sorted(marks.keys() - set(known))
    longest = max(map(len, marks.values()), default=1)
    return tuple(ChapterClaims(name, len(marks[name]), tuple(_parts(marks[name], longest))) for name in order)


def _parts(marks: Sequence[str], longest: int) -> list[Outcome]:
    counts = {mark: marks.count(mark) for mark in MARKS}
    return [Outcome(mark, count, round(100 * count / longest, 2)) for mark, count in counts.items() if count]
