"""A comparison of two runs as one HTML file that opens offline."""

from __future__ import annotations

import os
from collections.abc import Iterator
from html import escape
from pathlib import Path

from runbook.report.comparison import BETTER, KINDS, WORSE, Comparison, Difference
from runbook.report.render import TEMPLATES
from runbook.report.view import lines_of
from runbook.show.tables import MARKS
from runbook.verdict import State

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
PILLS = {WORSE: State.FAIL, BETTER: State.PASS}


def write_page(comparison: Comparison, path: Path) -> Path:
    """Writes the page, whole or not at all. Raises OSError."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(page(comparison), "utf-8")
    new.replace(path)
    return path


def page(comparison: Comparison) -> str:
    """The page as text; it has no script."""
    title = f"{comparison.first} → {comparison.second}"
    state = State.FAIL if comparison.regressed else State.PASS
    word = "Regressed" if comparison.regressed else "No worse"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><link rel="icon" href="data:,">'
        f"<title>{word} · {escape(title)}</title><style>{(TEMPLATES / 'page.css').read_text()}</style></head><body>"
        f'<header class="first"><div class="wrap"><p class="eyebrow">Two runs compared</p>'
        f'<div class="top"><div><h1 class="is-{state}" data-mark="{MARKS[state]}">{word}</h1>'
        f'<p class="lede">{escape(comparison.verdict)}</p></div>'
        f'<dl class="facts"><dt>First</dt><dd class="mono">{escape(comparison.first)}</dd>'
        f'<dt>Second</dt><dd class="mono">{escape(comparison.second)}</dd></dl></div></div></header>'
        f'<main class="wrap">{"".join(_sections(comparison))}</main></body></html>\n'
    )


def _sections(comparison: Comparison) -> Iterator[str]:
    for kind in KINDS:
        found = comparison.of(kind)
        yield f'<section id="{kind}"><h2>{kind.capitalize()}</h2>'
        if found:
            yield ('<div class="scroll"><table class="stack"><thead><tr><th scope="col">Which way</th>'
                   '<th scope="col">What</th><th scope="col">First</th><th scope="col">Second</th></tr></thead><tbody>')
            yield from (_row(one) for one in found)
            yield "</tbody></table></div>"
        else:
            yield '<p class="soft">Nothing differs.</p>'
        yield "</section>"


def _row(one: Difference) -> str:
    cells = "".join(f'<td class="why block" data-head="{head}">{_text(one.kind, text)}</td>'
                    for head, text in (("First", one.before), ("Second", one.after)))
    pill = f'<span class="pill is-{PILLS.get(one.way, State.SKIPPED)}">{one.way}</span>'
    return f'<tr><td>{pill}</td><td class="what"><b>{escape(one.what)}</b></td>{cells}</tr>'


def _text(kind: str, text: str) -> str:
    """A plan is a diff, and shown as one."""
    if kind != "plans":
        return escape(text)
    lines = "".join(f'<span class="{what}">{escape(line)}</span>' for what, line in lines_of(text))
    counted = f"{len(text.splitlines())} lines"
    return f'<details><summary>{counted}</summary><pre class="diff" tabindex="0">{lines}</pre></details>'
