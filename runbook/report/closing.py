"""The last lines on a terminal: the verdict, why, what was changed and left open, and where the report is."""

from __future__ import annotations

from runbook.report.account import account_of
from runbook.report.conduct import Finished
from runbook.report.findings import gaps
from runbook.report.view import undone
from runbook.report.words import shown_seconds, words
from runbook.show.tables import MARKS
from runbook.verdict import State


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
