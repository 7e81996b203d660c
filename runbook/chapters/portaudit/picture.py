"""The audit as a picture: the modules of the build graph, and which of them stand in the way."""

from __future__ import annotations

from runbook.chapters.portaudit.audit import STANDARD, Audit, ModuleState
from runbook.show.layers import Node, layered
from runbook.show.picture import Picture

WORDS = {"pass": "builds", "fail": "has a root cause", "pending": "waits for one"}


def audit_picture(seen: Audit, name: str) -> Picture:
    """Modules from the one that is audited to what it needs; the standard library only where it fails itself."""
    shown = [one for one in seen.modules if one.path != STANDARD or one.fails]
    counts = ", ".join(f"{count} {word}" for word, count in _counts(shown).items() if count)
    caption = f"modules of {name} for linux/{seen.target} by {seen.go}: {counts}"
    nodes = [Node(one.path, one.state, _note(one)) for one in shown]
    return Picture(f"audit-{name}", caption, layered(nodes, seen.needs, WORDS), seen._repr_html_())


def _counts(modules: list[ModuleState]) -> dict[str, int]:
    return {word: sum(one.state == state for one in modules) for state, word in WORDS.items()}


def _note(one: ModuleState) -> str:
    told = {"build": one.builds, "fail": one.fails, "wait": one.waits}
    return f"{one.version} " + ", ".join(f"{count} packages {word}" for word, count in told.items() if count)
