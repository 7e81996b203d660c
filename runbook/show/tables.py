"""Tables in HTML for a notebook's cells: hosts, their states, facts and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from runbook.diff import VERBATIM
from runbook.verdict import Figure, Verdict

# One mark and one colour for each state. Colour never stands alone: the word is always beside it.
MARKS: Mapping[str, str] = {
    "pass": "✓",
    "applied": "✓",
    "unchanged": "=",
    "pending": "…",
    "fail": "✗",
    "failed": "✗",
    "blocked": "⊘",
    "skipped": "–",
}
# Mid-tones that keep a contrast of 4.5 to 1 on white and on JupyterLab's dark background alike are rare;
# these are the closest, and the mark and the word carry the meaning.
COLOURS: Mapping[str, str] = {
    "pass": "#1a8754",
    "applied": "#1a8754",
    "unchanged": "#6c757d",
    "pending": "#b06f00",
    "fail": "#d1344b",
    "failed": "#d1344b",
    "blocked": "#b06f00",
    "skipped": "#6c757d",
}
_CELL = "padding:.3em .9em .3em 0;text-align:left;vertical-align:top;white-space:normal"


def state_mark(state: str) -> str:
    """A state as HTML: its mark, its colour and its word."""
    word = str(state)
    colour = COLOURS.get(word, "inherit")
    return (
        f'<span style="color:{colour};font-weight:600;white-space:nowrap">'
        f"{MARKS.get(word, '·')}&nbsp;{escape(word)}</span>"
    )


def sentence(text: str) -> str:
    """A sentence beside a table, word for word."""
    return f'<p class="{VERBATIM}">{escape(text)}</p>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already; the heads are plain text."""
    heads = "".join(f'<th scope="col" style="{_CELL}">{escape(name)}</th>' for name in head)
    body = "".join("<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in row) + "</tr>" for row in rows)
    style = "border-collapse:collapse"
    return f'<table class="{VERBATIM}" style="{style}"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def state_table(states: Mapping[str, tuple[str, str]]) -> str:
    """Hosts and what became of each: `{host: (state, note)}`."""
    return table(
        ("host", "state", ""),
        ((f"<b>{escape(host)}</b>", state_mark(state), escape(note)) for host, (state, note) in states.items()),
    )


def facts_table(hosts: Sequence[str], rows: Mapping[str, Mapping[str, object]]) -> str:
    """One row a question, one column a host: `{question: {host: fact}}`."""
    return table(
        ("", *hosts),
        (
            (f"<b>{escape(question.replace('_', ' '))}</b>", *(_fact(facts.get(host)) for host in hosts))
            for question, facts in rows.items()
        ),
    )


def verdict_table(verdicts: Iterable[Verdict]) -> str:
    """Verdicts with their reasons and figures; a figure that is not native says so."""
    return table(
        ("", "host", "what", "why", "figures"),
        (
            (
                state_mark(one.state),
                escape(one.host or "all"),
                escape(one.what),
                escape(one.reason),
                figures(one.figures),
            )
            for one in verdicts
        ),
    )


def board(columns: Sequence[str], states: Mapping[str, Mapping[str, str]]) -> str:
    """A board of hosts and states: `{host: {column: state}}`; an empty cell is a state that is not known."""
    return table(
        ("", *columns),
        (
            (f"<b>{escape(host)}</b>", *(state_mark(of[name]) if name in of else "" for name in columns))
            for host, of in states.items()
        ),
    )


def figures(named: Mapping[str, Figure]) -> str:
    """Figures by name, one a line."""
    return "<br>".join(
        f"{escape(name.replace('_', ' '))} <b>{escape(str(figure))}</b>" for name, figure in named.items()
    )


def _fact(fact: object) -> str:
    if fact is None:
        return ""
    text = escape(str(fact)).replace("\n", "<br>")
    return text if fact else f'<span style="color:{COLOURS["skipped"]}">{text}</span>'
