"""What each register of a target is for, as the picture of its register file shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook.chapters.abi.across import EXPECTED_ONLY
from runbook.chapters.abi.measure import Measured
from runbook.show.picture import Picture
from runbook.show.register_file import Cell, Row, register_file

ROLES = {"A": "carries an argument", "R": "carries a result", "K": "kept by a function", "L": "return address",
         "S": "stack pointer", "0": "always zero", "·": "free to any function", "–": "not looked at"}
CAPTION = ("the registers of each target by role: A with its number an argument, R a result, K kept by a function, "
           "L the return address, S the stack pointer, 0 always zero, · free")


def roles_of(one: Measured) -> dict[str, str]:
    """The letters of each register's roles by its name; of a target that was not measured, those that are expected."""
    seen, expected = one.convention, one.target.registers
    if seen is None:
        return _letters(expected.integer_arguments, expected.float_arguments,
                        (*expected.integer_results[:1], *expected.float_results[:1]), expected.return_address,
                        expected.stack_pointer, (*expected.callee_saved, *expected.float_callee_saved),
                        (expected.zero,) if expected.zero else ())
    free = dict.fromkeys(seen.keeping.lost, "·")
    return free | _letters(seen.in_registers, seen.reals_in_registers, (seen.result, seen.real_result),
                           seen.return_address, expected.stack_pointer, seen.keeping.kept, seen.keeping.zero)


def _letters(integers: tuple[str, ...], reals: tuple[str, ...], results: tuple[str, ...], back: str, stack: str,
             kept: tuple[str, ...], zero: tuple[str, ...]) -> dict[str, str]:
    roles: dict[str, str] = {}
    for names in (integers, reals):
        roles |= {name: f"A{number}" for number, name in enumerate(names, 1)}
    for names, letter in ((results, "R"), ((back,), "L"), ((stack,), "S"), (kept, "K"), (zero, "0")):
        for name in names:
            roles[name] = roles.get(name, "") + letter
    return roles


def rows_of(one: Measured) -> Iterator[Row]:
    """Two rows a target, integer and floating registers, in the order of its probe; the stack pointer is the last."""
    roles, expected = roles_of(one), one.target.registers
    if one.convention is None:
        reals = {*expected.float_arguments, *expected.float_results, *expected.float_callee_saved}
        names = sorted((name for name in roles if name), key=_natural)
        parts = ([name for name in names if name not in reals], [name for name in names if name in reals])
    else:
        order = one.convention.order
        parts = (list(order[:one.convention.integers]), list(order[one.convention.integers:]))
        parts[0].append(expected.stack_pointer)
    standing = str(one.basis) if one.convention else EXPECTED_ONLY
    for part, kind in zip(parts, ("integer", "floating"), strict=True):
        yield Row(f"{one.target.name}, {kind}{'' if one.convention else ', expected'}", standing,
                  tuple(Cell(name, roles.get(name, "–")) for name in part))


def picture(measured: tuple[Measured, ...]) -> Picture:
    """The register files of all targets, one below the other."""
    rows = tuple(row for one in measured for row in rows_of(one))
    return register_file("abi-registers", CAPTION, rows, ROLES)


def _natural(name: str) -> tuple[str, int]:
    found = re.fullmatch(r"(.*?)(\d*)", name)
    assert found is not None
    return found[1], int(found[2] or -1)
