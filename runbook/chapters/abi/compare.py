"""Three columns side by side: what the article says, what is expected from primary sources, what was measured."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from runbook.chapters.abi.columns import Column, columns
from runbook.chapters.abi.convention import ITEMS, Convention
from runbook.chapters.abi.items import ALL
from runbook.chapters.abi.measure import Measured
from runbook.show.tables import state_mark, table
from runbook.targets import Target
from runbook.verdict import State

SAID_NOTHING, NOT_MEASURED = "–", "not measured"


@dataclass(frozen=True)
class Row:
    """One item of one target; `state` compares what was measured with what is expected."""

    target: str
    item: str
    article: str
    expected: str
    measured: str
    state: State


@dataclass(frozen=True)
class Comparison:
    """All rows, for people; as text one line a target."""

    rows: tuple[Row, ...]
    named: tuple[str, ...]  # the targets whose lines are the text; others are compared in the table only

    def __str__(self) -> str:
        return "\n".join(self._line(name) for name in self.named)

    __repr__ = __str__

    def _line(self, name: str) -> str:
        own = [row for row in self.rows if row.target == name]
        equal = sum(row.state is State.PASS for row in own)
        measured = sum(row.measured != NOT_MEASURED for row in own)
        return f"{name}: {measured} of {len(own)} items measured, {equal} as expected"

    def _repr_html_(self) -> str:
        return table(
            ("target", "", "article says", "expected from sources", "measured here", ""),
            ((escape(row.target), f"<b>{escape(row.item)}</b>", escape(row.article), escape(row.expected),
              escape(row.measured), state_mark(row.state)) for row in self.rows))


def expected_of(target: Target, item: str) -> tuple[str, ...]:
    """What the target file expects: more than one text where sources disagree, none where no source says it."""
    return ALL[item].expected(target)


def measured_of(target: Target, convention: Convention, item: str) -> str:
    """What was measured, in the words of `expected_of`."""
    return ALL[item].measured(convention, target)


def said_of(column: Column | None, item: str) -> str:
    """What the article says."""
    return (ALL[item].said(column) if column else "") or SAID_NOTHING


def state_of(target: Target, convention: Convention, item: str) -> State:
    """Pass where it is as expected; skipped where nothing is, or where two registers held the value and one is it."""
    if item in convention.missing:
        return State.FAIL
    expected, measured = expected_of(target, item), measured_of(target, convention, item)
    if measured in expected:
        return State.PASS
    places = re.split(r", | or ", measured)
    doubtful = " or " in measured and any(set(text.split(", ")) <= set(places) for text in expected)
    return State.SKIPPED if doubtful or not expected else State.FAIL


def compare(measured: tuple[Measured, ...], named: tuple[str, ...] = ()) -> Comparison:
    return Comparison(tuple(row for one in measured for row in _rows(one)), named)


def _rows(one: Measured) -> Iterator[Row]:
    column = columns().get(one.target.name)
    for item in ITEMS:
        said, expected = said_of(column, item), " or ".join(expected_of(one.target, item)) or SAID_NOTHING
        if one.convention is None:
            yield Row(one.target.name, item, said, expected, NOT_MEASURED, State.SKIPPED)
            continue
        yield Row(one.target.name, item, said, expected, seen_of(one.target, one.convention, item),
                  state_of(one.target, one.convention, item))


def seen_of(target: Target, convention: Convention, item: str) -> str:
    """What was measured, with what a table adds to it, or why it was not."""
    why = convention.missing.get(item)
    return why or measured_of(target, convention, item) + ALL[item].then(convention, target)
