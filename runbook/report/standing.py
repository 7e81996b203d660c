"""Where runs stand: all of them in a line each, and one of them chapter by chapter."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from runbook.errors import RunbookError
from runbook.report.account import account_of
from runbook.report.summary import summarize
from runbook.report.words import shown_seconds
from runbook.run import Run, all_runs, reports
from runbook.show.tables import MARKS
from runbook.undo import standing

NEWEST = 10


def runs_text() -> str:
    """The newest runs, one a line, newest first."""
    lines = list(islice(_lines(), NEWEST))
    return "\n".join(lines) or f"no runs in {reports()}; `runbook rehearse` makes one"


def _lines() -> Iterator[str]:
    for run in all_runs():
        try:
            account = account_of(run.entries())
            left = len(standing(run.entries()))
        except RunbookError as error:
            yield f"{run.name}  damaged: {error.what}"
            continue
        changed = f", {left} steps stand" if left else ""
        yield f"{run.name}  {account.state}, {account.target}, {len(account.chapters)} chapters{changed}"


def run_text(run: Run) -> str:
    """One run: its chapters with their states, what it changed and what of that still stands."""
    summary = summarize(run.folder)
    account = account_of(run.entries())
    lines = [f"{run.name}: {account.state}" + (f", {account.reason}" if account.reason else "")]
    for chapter in summary.chapters:
        reason = f": {chapter.reason.splitlines()[0]}" if chapter.reason else ""
        seconds = f", {shown_seconds(chapter.seconds)}" if chapter.seconds else ""
        lines.append(f"  {MARKS[chapter.state]} {chapter.name}  {chapter.state}{seconds}{reason}")
    lines.append("changes: " + ", ".join(f"{host} {count}" for host, count in summary.changes.items()))
    left = standing(run.entries())
    if left:
        lines.append(f"{len(left)} steps stand; `runbook undo {run.name}` takes them back")
        lines += [f"  {step}" for step in left]
    else:
        lines.append("nothing of it stands on a host")
    page = run.folder / "index.html"
    return "\n".join([*lines, *([f"report: {page}"] if page.exists() else [])])
