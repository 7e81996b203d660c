"""Whether what was measured is what the target file expects: one verdict an item."""

from __future__ import annotations

from runbook.chapters.abi.compare import expected_of, measured_of, state_of
from runbook.chapters.abi.convention import ALIGNMENT, ARGUMENTS, ITEMS, RESULT, RETURN
from runbook.chapters.abi.figures import convention_figures
from runbook.chapters.abi.measure import Measured
from runbook.verdict import State, Verdict, Verdicts, failed, passed, skipped

CONVENTION = "C calling convention"
AS_EXPECTED = "as the target file expects"


def follows(one: Measured, name: str) -> Verdicts:
    """The verdicts on one target, called `name` for people."""
    if one.convention is None:
        return Verdicts((skipped(f"{name}: {CONVENTION}", one.why),))
    return Verdicts(tuple(_item(one, item, f"{name}: {item}") for item in ITEMS))


def _item(one: Measured, item: str, what: str) -> Verdict:
    convention, host = one.convention, one.host or None
    assert convention is not None
    if item in convention.missing:
        return failed(what, convention.missing[item], host)
    figures = convention_figures(one) if item == ALIGNMENT else {}
    expected, measured = " or ".join(expected_of(one.target, item)), measured_of(convention, item)
    match state_of(one.target, convention, item):
        case State.PASS:
            # Of the site's target the text is the same on any machine; this machine's own registers stand in the table.
            seen = f"{measured}, " if what.startswith(one.target.name) else ""
            return passed(what, seen + AS_EXPECTED, host, **figures)
        case State.SKIPPED:
            return skipped(what, f"not decided: {measured}; {expected} is expected", host, **figures)
        case _:
            return failed(what, f"measured {measured}, expected {expected} ({_source(one, item)})", host, **figures)


def _source(one: Measured, item: str) -> str:
    keys = {ARGUMENTS: "integer_arguments", RESULT: "integer_results", RETURN: "return_address"}
    return one.target.sources[f"registers.{keys.get(item, 'stack_alignment')}"]
