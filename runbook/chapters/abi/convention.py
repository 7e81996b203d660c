"""The calling convention that a probe's dumps show: where arguments, result and return address are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

from runbook.chapters.abi.dump import Dump, read_dumps

ARGUMENTS, RESULT = "integer arguments", "integer result"
RETURN, ALIGNMENT = "return address", "stack alignment"
ITEMS = (ARGUMENTS, RESULT, RETURN, ALIGNMENT)
PROBES: Mapping[str, tuple[str, ...]] = {
    ARGUMENTS: ("arguments-constant", "arguments-loaded", "arguments-backwards"),
    RESULT: ("result-constant", "result-loaded", "result-computed"),
    RETURN: ("return-address",),
    ALIGNMENT: ("alignment",),
}
UNKNOWN = "?"


@dataclass(frozen=True)
class Convention:
    """Places by name: a register, or `stack+8`, bytes above the stack pointer at the entry; `?` where none was found.

    `missing` says of each item that could not be measured why.
    """

    arguments: tuple[str, ...] = ()
    result: str = UNKNOWN
    return_address: str = UNKNOWN
    alignment: int = 0  # bytes, of the stack at a call
    never_set: frozenset[str] = frozenset()  # registers that held 0 in every dump
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_registers(self) -> tuple[str, ...]:
        """The argument registers, in order, up to the first argument that is on the stack."""
        places = []
        for place in self.arguments:
            if place.startswith("stack") or place == UNKNOWN:
                break
            places.append(place)
        return tuple(places)

    @property
    def on_stack(self) -> tuple[str, ...]:
        return self.arguments[len(self.in_registers):]


def convention_of(output: str) -> Convention:
    """What the output of a probe shows; an item whose probe crashed is missing, the others stand."""
    dumps = read_dumps(output)
    missing = {item: f"the probe {name} {_end(dumps, name)}" for item, names in PROBES.items()
               for name in names if name not in dumps or not dumps[name].whole}
    found: dict[str, object] = {}
    if ARGUMENTS not in missing:
        found["arguments"] = _places(dumps, PROBES[ARGUMENTS])
    if RESULT not in missing:
        found["result"] = _places(dumps, PROBES[RESULT])[0]
    if RETURN not in missing:
        found["return_address"] = _places(dumps, PROBES[RETURN])[0]
    if ALIGNMENT not in missing:
        if RETURN in missing:
            missing[ALIGNMENT] = "whether a call pushes the return address is not known"
        else:
            # Where the call itself pushes a word, the convention speaks of the moment before.
            pushed = _word(dumps) if str(found["return_address"]).startswith("stack") else 0
            found["alignment"] = _common(dumps["alignment"].pointers, pushed)
    return Convention(**found, never_set=_never_set(dumps), missing=missing)  # type: ignore[arg-type]


def _end(dumps: Mapping[str, Dump], name: str) -> str:
    return dumps[name].ended if name in dumps else "did not begin"


def _places(dumps: Mapping[str, Dump], names: tuple[str, ...]) -> tuple[str, ...]:
    """For each value that was sought the one place that held it in all of the probes."""
    places = []
    for order in zip(*(dumps[name].sought for name in names), strict=False):
        common = reduce(set.intersection, (dumps[name].places_of(value)
                                           for name, value in zip(names, order, strict=True)))
        places.append(" or ".join(sorted(common)) or UNKNOWN)
    return tuple(places) or (UNKNOWN,)


def _word(dumps: Mapping[str, Dump]) -> int:
    """Bytes from one stack word to the next."""
    offsets = sorted(dumps["return-address"].stack)
    return offsets[1] - offsets[0] if len(offsets) > 1 else 0


def _common(pointers: list[int], pushed: int) -> int:
    """The greatest power of two that divides all stack pointers as they were before the call."""
    divisor = math.gcd(*(pointer + pushed for pointer in pointers))
    return divisor & -divisor


def _never_set(dumps: Mapping[str, Dump]) -> frozenset[str]:
    seen = [dump.registers for dump in dumps.values() if dump.registers]
    names = set.intersection(*(set(registers) for registers in seen)) if seen else set()
    return frozenset(name for name in names if all(registers[name] == 0 for registers in seen))
