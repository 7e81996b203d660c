"""The numbers of a calling convention: how many arguments go in registers, and how the stack is aligned."""

from __future__ import annotations

from runbook.chapters.abi.measure import Measured
from runbook.verdict import Figure


def convention_figures(one: Measured) -> dict[str, Figure]:
    """Figures by dotted name, `abi.TARGET.stack_alignment`; a basis that is emulated says so."""
    seen = one.convention
    if seen is None:
        return {}
    name, host = f"abi.{one.target.name}", one.host or None
    return {
        f"{name}.argument_registers": Figure(len(seen.in_registers), "registers", host, one.basis),
        f"{name}.callee_saved": Figure(len(seen.keeping.kept), "registers", host, one.basis),
        f"{name}.stack_alignment": Figure(seen.alignment, "bytes", host, one.basis),
    }
