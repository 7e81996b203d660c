"""The calling convention that a probe's dumps show: where arguments, results and return address are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

from runbook.chapters.abi import keeping
from runbook.chapters.abi.dump import Dump, on_the_stack, read_dumps
from runbook.chapters.abi.keeping import Keeping, keeping_of

ARGUMENTS, RESULT = "integer arguments", "integer result"
REALS, REAL_RESULT = "floating arguments", "floating result"
MIXED, VARIADIC = "mixed arguments", "variadic arguments"
SMALL, REAL_STRUCT, LARGE = "struct of two words", "struct of two doubles", "struct of six words"
WIDE_RESULT, SMALL_RESULT = "128-bit result", "result of two words"
REAL_STRUCT_RESULT, LARGE_RESULT = "result of two doubles", "result of six words"
RETURN, ALIGNMENT = "return address", "stack alignment"
KEPT, ZERO = "callee-saved registers", "zero register"
CALL, NUMBERS, CONSTANTS = "system call", "system call numbers", "constants"
STRUCTURED = (MIXED, VARIADIC, SMALL, REAL_STRUCT, LARGE, WIDE_RESULT, SMALL_RESULT, REAL_STRUCT_RESULT, LARGE_RESULT)
PROBES: Mapping[str, tuple[str, ...]] = {
    ARGUMENTS: ("arguments-constant", "arguments-loaded", "arguments-backwards"),
    REALS: ("reals-constant", "reals-loaded", "reals-backwards"),
    MIXED: ("mixed-constant", "mixed-backwards"),
    VARIADIC: ("variadic-constant", "variadic-backwards"),
    SMALL: ("small-constant", "small-loaded"),
    REAL_STRUCT: ("real-struct-constant", "real-struct-loaded"),
    LARGE: ("large-constant", "large-loaded"),
    RESULT: ("result-constant", "result-loaded", "result-computed"),
    REAL_RESULT: ("result-real-constant", "result-real-loaded"),
    WIDE_RESULT: ("result-wide-constant", "result-wide-loaded"),
    SMALL_RESULT: ("result-small-constant", "result-small-loaded"),
    REAL_STRUCT_RESULT: ("result-real-struct-constant", "result-real-struct-loaded"),
    LARGE_RESULT: ("result-large-constant", "result-large-loaded"),
    RETURN: ("return-address",),
    ALIGNMENT: ("alignment",),
    KEPT: keeping.PROBES,
    ZERO: (keeping.NOTHING, keeping.SCRAMBLE),
    CALL: ("raw-exit",),
    NUMBERS: ("numbers",),
    CONSTANTS: ("constants",),
}
ITEMS = tuple(PROBES)
UNKNOWN, STACK, ADDRESS = "?", "stack", "address in "
BY_ITSELF = "exit 42"  # how a process ends that calls the kernel as is expected


@dataclass(frozen=True)
class Convention:
    """Places by name: a register, or `stack+8`, bytes above the stack pointer at the entry; `?` where none was found.

    `structured` has the places of what is no plain number, by item; `missing` says of each item that could not be
    measured why.
    """

    arguments: tuple[str, ...] = ()
    result: str = UNKNOWN
    return_address: str = UNKNOWN
    alignment: int = 0  # bytes, of the stack at a call
    never_set: frozenset[str] = frozenset()  # registers that held 0 in every dump
    missing: Mapping[str, str] = field(default_factory=dict)
    reals: tuple[str, ...] = ()
    real_result: str = UNKNOWN
    structured: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keeping: Keeping = Keeping()
    facts: Mapping[str, str] = field(default_factory=dict)  # `bytes.int`, `constant.SIGCHLD`, `given.page`
    order: tuple[str, ...] = ()  # all registers that the probe stores, integer ones first

    @property
    def integers(self) -> int:
        """How many of them are integer registers."""
        return int(self.facts.get("integers", len(self.order)))

    @property
    def in_registers(self) -> tuple[str, ...]:
        """The argument registers, in order, up to the first argument that is on the stack."""
        return _up_to_the_stack(self.arguments)

    @property
    def on_stack(self) -> tuple[str, ...]:
        return self.arguments[len(self.in_registers):]

    @property
    def reals_in_registers(self) -> tuple[str, ...]:
        """The registers of floating arguments, in order, up to the first that goes to the stack or among integers."""
        found = _up_to_the_stack(self.reals)
        return tuple(place for place in found if place not in self.in_registers)


def convention_of(output: str) -> Convention:
    """What the output of a probe shows; an item whose probe crashed is missing, the others stand."""
    dumps = read_dumps(output)
    missing = {item: f"the probe {name} {_end(dumps, name)}" for item, names in PROBES.items()
               for name in names if not _came_to_its_end(dumps, item, name)}
    found: dict[str, object] = {}
    seen = Keeping()
    if KEPT not in missing:
        seen = keeping_of(dumps)
        if seen.wrong:
            missing[KEPT] = seen.wrong

    def places(item: str) -> tuple[str, ...]:
        return _places(dumps, PROBES[item], seen.kept)

    if ARGUMENTS not in missing:
        found["arguments"] = places(ARGUMENTS)
    if REALS not in missing:
        found["reals"] = places(REALS)
    for item, name in ((RESULT, "result"), (REAL_RESULT, "real_result"), (RETURN, "return_address")):
        if item not in missing:
            found[name] = places(item)[0]
    structured = {item: _structure(dumps, PROBES[item], places(item)) for item in STRUCTURED if item not in missing}
    if ALIGNMENT not in missing:
        if RETURN in missing:
            missing[ALIGNMENT] = "whether a call pushes the return address is not known"
        else:
            # Where the call itself pushes a word, the convention speaks of the moment before.
            pushed = _word(dumps) if str(found["return_address"]).startswith("stack") else 0
            found["alignment"] = _common(dumps["alignment"].pointers, pushed)
    facts = {name: value for dump in dumps.values() for name, value in dump.facts.items()}
    order = next((tuple(dump.registers) for dump in dumps.values() if dump.registers), ())
    return Convention(**found, never_set=_never_set(dumps), missing=missing, structured=structured,  # type: ignore[arg-type]
                      keeping=seen, facts=facts, order=order)


def _came_to_its_end(dumps: Mapping[str, Dump], item: str, name: str) -> bool:
    if name not in dumps:
        return False
    return dumps[name].ended == BY_ITSELF if item == CALL else dumps[name].whole


def _end(dumps: Mapping[str, Dump], name: str) -> str:
    return dumps[name].ended if name in dumps else "did not begin"


def _up_to_the_stack(places: tuple[str, ...]) -> tuple[str, ...]:
    end = next((at for at, place in enumerate(places) if place.startswith(STACK) or place == UNKNOWN), len(places))
    return places[:end]


def _places(dumps: Mapping[str, Dump], names: tuple[str, ...], kept: tuple[str, ...] = ()) -> tuple[str, ...]:
    """For each value that was sought the one place that held it in all of the probes.

    Where there is more than one, a register that a function gives back unchanged is only the caller's own copy.
    """
    places = []
    for order in zip(*(dumps[name].sought for name in names), strict=False):
        common = reduce(set.intersection, (dumps[name].places_of(value)
                                           for name, value in zip(names, order, strict=True)))
        if len(common) > 1:
            common = common - set(kept) or common
        places.append(" or ".join(sorted(common)) or UNKNOWN)
    return tuple(places) or (UNKNOWN,)


def _structure(dumps: Mapping[str, Dump], names: tuple[str, ...], places: tuple[str, ...]) -> tuple[str, ...]:
    """One account of all words: memory that a register points to, words of the stack in a row, or each its place."""
    if len(places) > 1:
        first = [(dumps[name], dumps[name].sought[0]) for name in names]
        pointing = reduce(set.intersection, (dump.addresses_of(value) for dump, value in first))
        if pointing:
            return (ADDRESS + " or ".join(sorted(pointing)),)
        word, at = _word(dumps), places[0].split(" or ")
        starts = [int(place.removeprefix("stack+")) for place in at if place.startswith(STACK)]
        if any(all(on_the_stack(start + word * number) in place.split(" or ")
                   for number, place in enumerate(places)) for start in starts):
            return (STACK,)
    return places


def _word(dumps: Mapping[str, Dump]) -> int:
    """Bytes from one stack word to the next."""
    offsets = sorted(next((dump.stack for dump in dumps.values() if dump.stack), {}))
    return offsets[1] - offsets[0] if len(offsets) > 1 else 0


def _common(pointers: list[int], pushed: int) -> int:
    """The greatest power of two that divides all stack pointers as they were before the call."""
    divisor = math.gcd(*(pointer + pushed for pointer in pointers))
    return divisor & -divisor


def _never_set(dumps: Mapping[str, Dump]) -> frozenset[str]:
    seen = [dump.registers for dump in dumps.values() if dump.registers]
    names = set.intersection(*(set(registers) for registers in seen)) if seen else set()
    return frozenset(name for name in names if all(registers[name] == 0 for registers in seen))
