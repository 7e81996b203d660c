"""report.md: the first screen of the report and its chapters in Markdown, for a wiki, a ticket or a merge request."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from runbook.report import findings
from runbook.report.findings import Finding
from runbook.report.summary import Summary, summarize
from runbook.report.verdict_rows import VerdictRow, verdict_rows
from runbook.report.words import Words, shown_seconds, words
from runbook.show.tables import MARKS
from runbook.site import load_site
from runbook.verdict import State

NAME = "report.md"
SPECIAL = re.compile(r"([\\`*_\[\]<>|#~])")


def write_markdown(folder: Path) -> Path:
    """Writes report.md of the run in `folder`, whole or not at all. Raises JournalDamaged."""
    path, new = folder / NAME, folder / f".{NAME}.{os.getpid()}"
    said = words(load_site(folder / "site.toml").language)
    new.write_text("\n".join(lines_of(summarize(folder), said)) + "\n")
    new.replace(path)
    return path


def lines_of(summary: Summary, said: Words) -> Iterator[str]:
    """The document, line by line, in the words of a catalogue."""
    outcome = "open" if summary.state == "open" else str(summary.exit_code)
    yield f"# {said[f'verdict {outcome}']}: {plain(summary.site)}"
    yield from ("", said[f"lede {outcome}"])
    if summary.reason:
        yield from ("", plain(summary.reason))
    if summary.mode == "check":
        yield from ("", said["check mode"])
    yield ""
    about = {"target": summary.target, "hosts": ", ".join(summary.hosts), "started": summary.started,
             "took": shown_seconds(summary.seconds), "run": summary.run}
    yield from (f"- {said[name]}: {plain(value)}" for name, value in about.items())
    for title, found in (("proven", findings.proven(summary)), ("not proven", findings.gaps(summary))):
        yield from ("", f"## {said[title]}", "")
        yield from _findings(found, said, said["nothing proven" if title == "proven" else "nothing open"])
    yield from ("", f"## {said['chapters title']}")
    for chapter in summary.chapters:
        yield from ("", f"### {said[f'title {chapter.name}']}: {said[chapter.state]}", "")
        yield from _verdicts(verdict_rows(chapter.verdicts), said) if chapter.verdicts else (plain(chapter.reason),)
    yield from ("", f"## {said['claims title']}", "")
    counts = {state: sum(one.state == state for one in summary.claims)
              for state in ("judged", "not-measurable", "pending")}
    labels = {"judged": "judged", "not-measurable": "not-measurable", "pending": "no judge"}
    yield from (f"- {said[labels[state]]}: {count}" for state, count in counts.items())
    yield from ("", f"{said['journal title']}: {summary.lines}, `{summary.head}`")


def _findings(found: Iterable[Finding], said: Words, nothing: str) -> Iterator[str]:
    empty = True
    for one in found:
        empty = False
        what = said.get(f"title {one.what}") or said.get(one.what) or plain(one.what)
        where = f" ({', '.join(one.hosts)})" if one.hosts else ""
        why = f": {plain(one.reason)}" if one.reason else ""
        state = "" if one.state is State.PASS else f", {said[one.state]}"
        yield f"- {MARKS[one.state]} {what}{where}{state}{why}"
    if empty:
        yield nothing


def _verdicts(rows: Iterable[VerdictRow], said: Words) -> Iterator[str]:
    yield "| " + " | ".join(said[name] for name in ("state", "what", "host", "why", "figures")) + " |"
    yield "|---" * 5 + "|"
    for row in rows:
        figures = "; ".join(
            f"{figure.name} " + ", ".join(f"{host} {value}".strip() for host, value in figure.values)
            + ("" if figure.basis == "native" else f" ({said[figure.basis]})")
            for figure in row.figures
        )
        cells = (said[row.state], plain(row.what), ", ".join(row.hosts), plain(row.reason), plain(figures))
        yield "| " + " | ".join(cells) + " |"


def plain(text: str) -> str:
    """A text as itself: what a host said is no markup, and its first line is what stands in a table."""
    return SPECIAL.sub(r"\\\1", text.splitlines()[0] if text else "")
