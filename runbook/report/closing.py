"""The last lines on a terminal: the verdict, why, what was changed and left open, and where the report is."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import textwrap
from pathlib import Path

from runbook.report import as_lines
from runbook.report.account import account_of
from runbook.report.conduct import Finished
from runbook.report.findings import gaps
from runbook.report.junit import write_junit
from runbook.report.view import undone
from runbook.report.words import shown_seconds, words
from runbook.show.tables import MARKS
from runbook.verdict import State


def tell(finished: Finished, *, as_json: bool = False, junit: str = "") -> int:
    """Prints how a run ended, for a person or for a machine; returns its exit code, whether or not anybody reads.

    `junit` is a file for its verdicts; empty: none.
    """
    if junit:
        write_junit(finished.asked, Path(junit))
    if as_json:
        said = as_lines.ended(finished.summary, finished.page, finished.exit_code)
    else:
        said = closing(finished)
        if sys.stdout.isatty():
            said = folded(said, shutil.get_terminal_size().columns)
    try:
        print(said, flush=True)
    except OSError:  # the terminal was closed, or whoever read the pipe has gone
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(nowhere, stream.fileno())
    return finished.exit_code


def folded(said: str, width: int) -> str:
    """The lines broken between words, at most `width` columns each where a word lets it; what is behind a break is
    set in. What is there to be copied stays whole: the report's path, and a line with a command."""
    lines: list[str] = []
    for line in said.split("\n"):
        if "`" in line or line.startswith("report: "):
            lines.append(line)
            continue
        inner = " " * (len(line) - len(line.lstrip()) + 2)
        lines += textwrap.wrap(line, max(width, 20), subsequent_indent=inner, break_long_words=False,
                               break_on_hyphens=False) or [""]
    return "\n".join(lines)


def closing(finished: Finished) -> str:
    """A few lines for a person; what was skipped is listed, since skipped is not passed."""
    summary, said = finished.asked, words("en")
    states = [chapter.state for chapter in summary.chapters]
    lines = [
        f"{said[f'verdict {summary.exit_code}']}: {states.count(State.PASS)} of {len(states)} chapters passed "
        f"on {summary.site}, {summary.target}, in {shown_seconds(summary.seconds)}"
        + (f" ({said['check mode']})" if summary.mode == "check" else "")
    ]
    for gap in gaps(summary):
        where = f"{', '.join(gap.hosts)}: " if gap.hosts else ""
        what = gap.what if gap.what == gap.chapter else f"{gap.chapter}: {where}{gap.what}"
        reason, *more = gap.reason.splitlines() or ["no reason was given"]
        lines.append(f"  {MARKS[gap.state]} {what}: {gap.state}, {reason}")
        lines += [f"    {line}" for line in more]  # an error's last lines, and what to do next
    lines += [f"  · {one.name}: {one.reason}" for one in summary.chapters if one.state is State.PASS and one.reason]
    taken_back = undone(account_of(finished.run.entries()))
    lines.append(
        "changes: "
        + ", ".join(f"{host} {count}" for host, count in summary.changes.items())
        + (f"; {said.counted('taken back', taken_back)}" if taken_back else "")
    )
    counts = [
        f"{sum(claim.state == state for claim in summary.claims)} {label}"
        for state, label in (("judged", "judged"), ("not-measurable", "not measurable here"), ("pending", "pending"))
    ]
    lines.append("claims: " + ", ".join(counts))
    lines.append(f"report: {finished.page}")
    return "\n".join(lines)
