"""Which architecture the article is about, by its own words: claims are of it, not of whatever a site has."""

from __future__ import annotations

import re
from functools import cache

from runbook.claims.ledger import load_ledger


@cache
def named_architecture() -> str:
    """The GOARCH that the article's claim 1-d names."""
    return named_in("1-d", r"GOARCH=(\w+)")


@cache
def named_functions(claim: str) -> tuple[str, ...]:
    """The functions that a claim's text names, each followed by `()`."""
    return tuple(re.findall(r"(\w+)\(\)", load_ledger().claim(claim).article))


def named_in(claim: str, pattern: str) -> str:
    """What a claim names: the pattern's first group in its text. Raises LookupError where it names nothing so."""
    found = re.search(pattern, load_ledger().claim(claim).article)
    if found is None:
        raise LookupError(f"claim {claim} has nothing like {pattern}")
    return found[1]
