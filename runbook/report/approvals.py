"""The risks that a site has accepted, as they are told before anything is done: by whom, until when, why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from runbook.site import Site

SOON = 30  # days, in which somebody has to think about it again


def approvals(site: Site, today: date) -> Iterator[str]:
    """A sentence for each; one that has lapsed counts no more, and its chapter will say so."""
    for one in site.accepted:
        left = (one.until - today).days
        if not one.holds(today):
            yield f"{one.risk}: its acceptance by {one.by} lapsed after {one.until}: the risk counts again"
            continue
        soon = f", {left} days from now" if left < SOON else ""
        yield f"{one.risk}: accepted by {one.by} until {one.until}{soon}: {one.reason}"
