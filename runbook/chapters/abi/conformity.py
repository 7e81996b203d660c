"""Whether what was measured is what the target file expects: one verdict an item."""

from __future__ import annotations

from runbook.chapters.abi.compare import expected_of, measured_of, state_of
from runbook.chapters.abi.convention import CONSTANTS, ITEMS, KEPT, NUMBERS
from runbook.chapters.abi.figures import convention_figures
from runbook.chapters.abi.items import ALL
from runbook.chapters.abi.measure import Measured
from runbook.verdict import State, Verdict, Verdicts, failed, overall, passed, skipped

CONVENTION = "C calling convention"
AS_EXPECTED = "as the target file expects"
MANY = (KEPT, NUMBERS, CONSTANTS)  # items whose text is a long list: the table has it


def follows(one: Measured) -> Verdicts:
    """The verdicts on one target, item by item."""
    name = one.target.name
    if one.convention is None:
        return Verdicts((skipped(f"{name}: {CONVENTION}", one.why),))
    return Verdicts(tuple(_item(one, item, f"{name}: {item}") for item in ITEMS))


def follows_altogether(one: Measured, name: str) -> Verdict:
    """One verdict on all items of a target that stands beside the site's; its text is the same on any machine."""
    if one.convention is None:
        return skipped(f"{name}: {CONVENTION}", one.why)
    verdicts = follows(one)
    wrong = [f"{verdict.what}: {verdict.reason}" for verdict in verdicts if verdict.state is not State.PASS]
    what, host = f"{name}: {CONVENTION}", one.host or None
    match overall(verdict.state for verdict in verdicts):
        case State.PASS if not wrong:
            return passed(what, f"{len(verdicts)} items {AS_EXPECTED}", host, **convention_figures(one))
        case State.FAIL:
            return failed(what, "; ".join(wrong), host)
        case _:
            return skipped(what, "; ".join(wrong), host)


def _item(one: Measured, item: str, what: str) -> Verdict:
    convention, host = one.convention, one.host or None
    assert convention is not None
    if item in convention.missing:
        return failed(what, convention.missing[item], host)
    figures = convention_figures(one) if item == ITEMS[0] else {}
    expected, measured = " or ".join(expected_of(one.target, item)), measured_of(one.target, convention, item)
    match state_of(one.target, convention, item):
        case State.PASS:
            return passed(what, AS_EXPECTED if item in MANY else f"{measured}, {AS_EXPECTED}", host, **figures)
        case State.SKIPPED if not expected:
            return skipped(what, f"{measured}; no source says what to expect", host, **figures)
        case State.SKIPPED:
            return skipped(what, f"not decided: {measured}; {expected} is expected", host, **figures)
        case _:
            source = one.target.sources[ALL[item].source]
            return failed(what, f"measured {measured}, expected {expected} ({source})", host, **figures)
