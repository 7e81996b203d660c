"""Where runs stand: all of them in a line each, and one of them chapter by chapter."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from runbook.entries import entries
from runbook.errors import RunbookError
from runbook.report.account import account_of
from runbook.report.summary import summarize
from runbook.report.words import shown_seconds
from runbook.run import reports
from runbook.show.tables import MARKS
from runbook.undo import standing

NEWEST = 10


def runs_text() -> str:
    """The newest runs, one a line, newest first."""
    lines = list(islice(_lines(), NEWEST))
    return "\n".join(lines) or f"no runs in {reports()}; `runbook rehearse` makes one"


def _lines() -> Iterator[str]:
    for journal in sorted(reports().glob("*/journal.jsonl"), reverse=True):
        folder = journal.parent
        if folder.is_symlink():
            continue
        try:
            told = entries(journal)
        except RunbookError as error:
            yield f"{folder.name}  damaged: {error.what}"
            continue
        account, left = account_of(told), len(standing(told))
        changed = f", {left} steps stand" if left else ""
        yield f"{folder.name}  {account.state}, {account.target}, {len(account.chapters)} chapters{changed}"


def run_text(folder: Path) -> str:
    """One run: its chapters with their states, what it changed and what of that still stands."""
    summary = summarize(folder)
    told = entries(folder / "journal.jsonl")
    account = account_of(told)
    lines = [f"{folder.name}: {account.state}" + (f", {account.reason}" if account.reason else "")]
    for chapter in summary.chapters:
        reason = f": {chapter.reason.splitlines()[0]}" if chapter.reason else ""
        seconds = f", {shown_seconds(chapter.seconds)}" if chapter.seconds else ""
        lines.append(f"  {MARKS[chapter.state]} {chapter.name}  {chapter.state}{seconds}{reason}")
    lines.append("changes: " + ", ".join(f"{host} {count}" for host, count in summary.changes.items()))
    left = standing(told)
    if left:
        lines.append(f"{len(left)} steps stand; `runbook undo {folder.name}` takes them back")
        lines += [f"  {step}" for step in left]
    else:
        lines.append("nothing of it stands on a host")
    page = folder / "index.html"
    return "\n".join([*lines, *([f"report: {page}"] if page.exists() else [])])
