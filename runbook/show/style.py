"""How boards, bricks and controls look: one sheet for a light and a dark page, on screen and on the web."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

from runbook.show.tables import MARKS as STATES

# A mark for what has not ended yet, beside those of states that have.
MARKS: Mapping[str, str] = {
    **STATES, "now": "▸", "open": "▸", "waiting": "·", "none": "·", "stopped": "■", "done": "✓",
}
WORDS: Mapping[str, str] = {"none": "not yet", "open": "begun", "now": "now", "pass": "passed", "fail": "failed"}
# Which colour a state has; each mark and border keeps a contrast of 3 to 1 on white and on JupyterLab's dark page
# (WCAG 2.1, 1.4.11). Words keep the page's own colour, so that they read on both.
_KINDS: Mapping[str, tuple[str, ...]] = {
    "good": ("pass", "applied", "done"),
    "busy": ("now", "open"),
    "wrong": ("fail", "failed"),
    "held": ("blocked", "pending", "stopped"),
}
# One line: it stands in every stored output that needs it.
STYLE = f"<style>{' '.join((Path(__file__).parent / 'style.css').read_text().splitlines())}</style>"


def kind(state: str) -> str:
    """The class of a state: good, busy, wrong, held, or calm for all others."""
    return next((name for name, states in _KINDS.items() if state in states), "calm")


def mark(state: str) -> str:
    """A state's mark, in its colour; who listens to the page hears the word beside it instead."""
    return f'<span class="rb-mark {kind(state)}" aria-hidden="true">{MARKS.get(state, "·")}</span>'


def word(state: str) -> str:
    """A state's word for people."""
    return escape(WORDS.get(state, state))
