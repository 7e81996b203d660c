"""Targets side by side: every item and fact of each in one table, and what an emulator cannot tell left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from runbook.chapters.abi.compare import expected_of, seen_of
from runbook.chapters.abi.convention import ITEMS
from runbook.chapters.abi.measure import Measured
from runbook.show.tables import table
from runbook.verdict import Basis

EXPECTED_ONLY = "expected, not measured"
PLAYED = "not measurable here: it is the emulator's"
FACTS: Mapping[str, str] = {
    "bytes.int": "bytes of int", "bytes.long": "bytes of long", "bytes.pointer": "bytes of a pointer",
    "bytes.long_double": "bytes of long double", "bits.long_double_mantissa": "bits of its mantissa",
    "bytes.wchar_t": "bytes of wchar_t", "bytes.max_align_t": "bytes of max_align_t", "sign.char": "char has a sign",
    "order.little": "little endian", "bytes.signal_context": "bytes of ucontext_t",
    "leaf.local": "a leaf's local, from the stack pointer", "tls.offset": "a thread's variable, from its pointer",
    "given.page": "page size", "given.vdso": "vDSO", "given.platform": "AT_PLATFORM",
    "given.signal_stack": "AT_MINSIGSTKSZ", "given.signal_frame": "bytes down to a signal's frame",
}
GIVEN = "given."  # by the kernel, which is the emulator where there is one
YES_OR_NO = ("sign.", "order.", "given.vdso")


@dataclass(frozen=True, repr=False)
class Across:
    """All that was measured, one column a target; what is only expected of a target says so in its head."""

    measured: tuple[Measured, ...]

    def __repr__(self) -> str:
        return f"{self.measured[0].target.name} beside the others that could be measured"

    def _repr_html_(self) -> str:
        return self.table()

    def table(self) -> str:
        heads = (f"{one.target.name} ({one.basis if one.convention else EXPECTED_ONLY})" for one in self.measured)
        rows = [(f"<b>{escape(item)}</b>", *(escape(item_of(one, item)) for one in self.measured)) for item in ITEMS]
        rows += [(f"<b>{escape(title)}</b>", *(escape(fact_of(one, name)) for one in self.measured))
                 for name, title in FACTS.items()]
        rows += [("<b>code of add()</b>", *(escape("; ".join(one.code.add) or one.code.why) for one in self.measured)),
                 ("<b>bytes of instructions</b>",
                  *(", ".join(map(str, sorted(one.code.lengths))) for one in self.measured)),
                 ("<b>exported functions with a symbol</b>", *(escape(functions_of(one)) for one in self.measured))]
        return table(("", *heads), rows)


def item_of(one: Measured, item: str) -> str:
    if one.convention is None:
        return " or ".join(expected_of(one.target, item)) or "no source says it"
    return seen_of(one.target, one.convention, item)


def fact_of(one: Measured, name: str) -> str:
    """A fact in words; what the kernel gives to a process is told natively only."""
    if one.convention is None:
        return ""
    if name.startswith(GIVEN) and one.basis is Basis.EMULATED:
        return PLAYED
    value = one.convention.facts.get(name, "not told")
    return {"0": "no", "1": "yes"}.get(value, value) if name.startswith(YES_OR_NO) else value


def functions_of(one: Measured) -> str:
    """How many the probe's program has, with its C library, and which symbols name no code."""
    outside = [function.name for function in one.functions if not function.is_code]
    told = f"{len(one.functions)}, all in code" if one.functions else ""
    return f"{len(one.functions)}, of which {', '.join(outside[:5])} are in no code" if outside else told
