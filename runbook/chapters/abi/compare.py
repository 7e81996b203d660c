"""Three columns side by side: what the article says, what is expected from primary sources, what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from runbook.chapters.abi import convention as items
from runbook.chapters.abi.columns import Column, columns
from runbook.chapters.abi.convention import ALIGNMENT, ARGUMENTS, ITEMS, RESULT, RETURN, Convention
from runbook.chapters.abi.measure import Measured
from runbook.show.tables import state_mark, table
from runbook.targets import Target
from runbook.verdict import State

COUNT = 10  # arguments that a probe passes
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
    """What the target file expects; more than one alternative where sources disagree."""
    registers = target.registers
    match item:
        case items.ARGUMENTS:
            return (", ".join(registers.integer_arguments[:COUNT]),)
        case items.RESULT:
            return registers.integer_results[:1]
        case items.RETURN:
            return (registers.return_address or "stack+0",)
        case _:
            return tuple(str(size) for size in registers.stack_alignment)


def measured_of(convention: Convention, item: str) -> str:
    """What was measured, in the words of `expected_of`."""
    match item:
        case items.ARGUMENTS:
            return ", ".join(convention.in_registers)
        case items.RESULT:
            return convention.result
        case items.RETURN:
            return convention.return_address
        case _:
            return str(convention.alignment)


def said_of(column: Column | None, item: str) -> str:
    """What the article says."""
    if column is None:
        return SAID_NOTHING
    said = {ARGUMENTS: ", ".join(column.integer_arguments) + (" …" if column.more_arguments else ""),
            RESULT: column.integer_result, RETURN: column.return_address, ALIGNMENT: str(column.stack_alignment)}
    return said[item] or SAID_NOTHING


def state_of(target: Target, convention: Convention, item: str) -> State:
    """Pass where it is as expected; skipped where two registers held the value and one is the expected one."""
    expected, measured = expected_of(target, item), measured_of(convention, item)
    if item in convention.missing or measured not in expected:
        doubtful = item not in convention.missing and any(part in expected for part in measured.split(" or "))
        return State.SKIPPED if doubtful else State.FAIL
    return State.PASS


def compare(measured: tuple[Measured, ...], named: tuple[str, ...] = ()) -> Comparison:
    return Comparison(tuple(row for one in measured for row in _rows(one)), named)


def _rows(one: Measured) -> Iterator[Row]:
    column = columns().get(one.target.name)
    for item in ITEMS:
        said, expected = said_of(column, item), " or ".join(expected_of(one.target, item))
        if one.convention is None:
            yield Row(one.target.name, item, said, expected, NOT_MEASURED, State.SKIPPED)
            continue
        why = one.convention.missing.get(item)
        seen = why or measured_of(one.convention, item) + _then(one.convention, item)
        yield Row(one.target.name, item, said, expected, seen, state_of(one.target, one.convention, item))


def _then(convention: Convention, item: str) -> str:
    """Where the arguments go that find no register."""
    return f", then {', '.join(convention.on_stack)}" if item == ARGUMENTS and convention.on_stack else ""
