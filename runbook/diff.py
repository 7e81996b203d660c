"""A diff: what of a text changes, as text and in colours."""

from __future__ import annotations

import difflib
import re
from html import escape

LONGEST = 400  # lines; a longer diff is for a tool, not for eyes, and stands in every journal

VERBATIM = "mathjax_ignore tex2jax_ignore"
"""The classes of an element in which JupyterLab and nbviewer see no formula: registers and scripts are full of `$`."""

# Translucent colours read on a light and on a dark page alike; the text keeps the page's own colour.
STYLE = (
    "<style>.rb-diff{font:12px/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;"
    "border:1px solid #8885;border-radius:6px;padding:.4em 0;margin:.4em 0}"
    ".rb-diff span{display:block;padding:0 .8em}.rb-diff .add{background:#2ea04333}"
    ".rb-diff .del{background:#f8514933}.rb-diff .hunk{color:#8b7fd6}.rb-diff .file{font-weight:600}</style>"
)


def unified(was: str | None, now: str, *, before: str, after: str) -> str:
    """The unified diff from `was` (None: nothing was there) to `now`; empty where they are equal."""
    if was == now:
        return ""
    lines = []
    for line in difflib.unified_diff(_lines(was or ""), _lines(now), before, after):
        lines.append(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n")
    left_out = len(lines) - LONGEST
    if left_out > 0:
        lines[LONGEST:] = [f"… and {left_out} more lines\n"]
    return "".join(lines).rstrip("\n")


def coloured(diff: str) -> str:
    """A diff as HTML with classes; the page brings `STYLE` once."""
    spans = "".join(f'<span class="{_kind(line)}">{escape(line) or " "}</span>' for line in diff.split("\n"))
    return f'<div class="rb-diff {VERBATIM}">{spans}</div>'


def _lines(text: str) -> list[str]:
    """Split at line feeds only: a carriage return or a form feed is part of a line, in a file's eyes."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _kind(line: str) -> str:
    if line.startswith(("--- ", "+++ ")):
        return "file"
    return {"+": "add", "-": "del", "@": "hunk"}.get(line[:1], "same")
