"""Taking back: a host on which the new version does not do what it should gets what it had before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runbook.chapter import Chapter
from runbook.chapters.containers.decide import RUNNING
from runbook.chapters.containers.observe import Deployed, deployed
from runbook.chapters.containers.running import Running, running
from runbook.chapters.containers.wanted import Deployment
from runbook.entries import Entry
from runbook.remote.question import Unanswered
from runbook.undo import Undone, standing, undo
from runbook.verdict import State, Verdict, Verdicts, failed, passed

TAKEN_BACK = "taken back"


def since_opening(chapter: Chapter) -> tuple[Entry, ...]:
    """The journal's lines of this chapter since it was opened last."""
    entries = chapter.run.entries()
    begin = max(one.seq for one in entries
                if one.kind == "chapter" and one.phase == "begin" and one.chapter == chapter.name)
    return tuple(one for one in entries if one.seq > begin and one.chapter == chapter.name)


def changed_hosts(entries: Iterable[Entry]) -> frozenset[str]:
    """The hosts on which a change of these lines stands."""
    return frozenset(step.host for step in standing(entries))


def or_taken_back(chapter: Chapter, verdicts: Verdicts, wanted: Deployment) -> Verdicts:
    """The verdicts; where one failed on a host that this chapter just changed, its plan is undone and that judged."""
    entries = since_opening(chapter)
    failing = {one.host for one in verdicts if one.state is State.FAIL and one.host}
    hosts = [name for name in chapter.fleet.names if name in failing & changed_hosts(entries)]
    if not hosts:
        return verdicts
    undone = undo(entries, chapter.fleet.only(*hosts), chapter.run.journal, chapter=chapter.name)
    return verdicts + (_runs_as_before(chapter, host, undone, wanted) for host in hosts)


def _runs_as_before(chapter: Chapter, host: str, undone: Sequence[Undone], wanted: Deployment) -> Verdict:
    """Asked anew: the version before runs and answers, or nothing runs where nothing did."""
    wrong = [str(one) for one in undone if one.host == host and not one.ok]
    if wrong:
        return failed(TAKEN_BACK, "; ".join(wrong), host)
    shell = chapter.fleet[host]
    answers = shell.ask(deployed(wanted))
    seen = answers.error or answers[deployed(wanted)]
    if not isinstance(seen, Deployed):
        return failed(TAKEN_BACK, str(seen), host)
    if seen.unit is None and seen.active not in RUNNING:
        return passed(TAKEN_BACK, "nothing was there before, and nothing of it is left", host)
    again = shell.ask(running(wanted))
    now = again.error or again[running(wanted)]
    if isinstance(now, Running) and now.active == "active" and now.healthy:
        return passed(TAKEN_BACK, "the version before runs again and answers", host)
    why = str(now) if isinstance(now, (Running, Unanswered)) else now.what
    return failed(TAKEN_BACK, f"the version before is there again: {why}", host)
