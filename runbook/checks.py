"""What the value of a key must satisfy; each check says what is wrong, or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from runbook.table import Check, unknown


def one_of(*allowed: str) -> Check:
    """A name out of a few."""
    return lambda value: "" if value in allowed else unknown("value", value, allowed)


def each_of(allowed: Iterable[str]) -> Check:
    """A list of names out of a few, none twice."""
    def check(values: tuple[str, ...]) -> str:
        for value in values:
            if value not in allowed:
                return unknown(f"value `{value}`", value, allowed)
        return "names something twice" if len(set(values)) < len(values) else ""
    return check


def shaped(pattern: str, what: str) -> Check:
    """A string that matches the pattern wholly."""
    matches = re.compile(pattern).fullmatch
    return lambda value: "" if matches(value) else f"expected {what}"


def between(least: float, most: float, unit: str = "") -> Check:
    """A number within limits, both included."""
    return lambda value: "" if least <= value <= most else f"expected {least} to {most}{unit and ' ' + unit}"
