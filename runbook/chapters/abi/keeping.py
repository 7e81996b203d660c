"""Which registers a function gives back as it found them, and which is always zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runbook.chapters.abi.dump import Dump

NOTHING, SCRAMBLE, CALLEE = "past-nothing", "past-scramble", "past-callee"
PROBES = (NOTHING, SCRAMBLE, CALLEE)


@dataclass(frozen=True)
class Keeping:
    """Registers by what became of them over a call, each in the probe's order; `wrong` says why that proves nothing.

    `zero` are those that were filled and are 0 all the same. What the probe needs itself (stack and global pointer,
    the return address) is in none of them.
    """

    kept: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    zero: tuple[str, ...] = ()
    wrong: str = ""


def keeping_of(dumps: Mapping[str, Dump]) -> Keeping:
    """The two controls first: past nothing all that was filled is there, past the scrambling routine none of it."""
    nothing, scramble, callee = (dumps[name] for name in PROBES)
    zero = tuple(name for name in nothing.filled if nothing.registers.get(name) == 0 == scramble.registers.get(name))
    held = {name for name, value in nothing.filled.items() if nothing.registers.get(name) == value}
    taken = {name for name, value in scramble.scrambled.items() if scramble.registers.get(name) == value}
    if held != taken or not held:
        odd = ", ".join(sorted(held ^ taken)) or "all"
        return Keeping(zero=zero, wrong=f"the probe cannot be trusted: not both filled and overwritten were {odd}")
    kept = tuple(name for name in callee.filled if name in held and callee.registers.get(name) == callee.filled[name])
    lost = tuple(name for name in callee.filled
                 if name in held and callee.registers.get(name) == callee.scrambled[name])
    if len(kept) + len(lost) != len(held):
        odd = ", ".join(sorted(held - set(kept) - set(lost)))
        return Keeping(zero=zero, wrong=f"neither what was filled nor what it was overwritten with is in {odd}")
    return Keeping(kept, lost, zero)
