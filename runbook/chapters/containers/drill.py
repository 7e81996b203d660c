"""A drill: a version that never gets healthy is put on one host, found out, and taken back."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from runbook.chapter import Chapter
from runbook.chapters.containers.rollback import changed_hosts, since_opening
from runbook.chapters.containers.wanted import Deployment
from runbook.errors import RunbookError
from runbook.perform import perform
from runbook.plan import Plan
from runbook.remote.fleet import Fleet
from runbook.remote.question import HostAnswers, Question
from runbook.undo import undo
from runbook.verdict import Figure, State, Verdict, Verdicts, failed, passed, skipped

DRILL = "an unhealthy version is taken back"
NOWHERE = "192.0.2.1"
"""TEST-NET-1 (RFC 5737): no host has it, so whatever is to listen there fails at once, with its reason in the log."""


def unhealthy(wanted: Deployment) -> Deployment:
    """The same service, told to listen where it cannot."""
    return replace(wanted, listen=f"{NOWHERE}:{wanted.port}")


def bad_version_is_taken_back(
    chapter: Chapter,
    wanted: Deployment,
    bad: Callable[[Path], Deployment],
    questions: Callable[[Deployment], tuple[Question, ...]],
    plan: Callable[[HostAnswers, Deployment], Plan],
    judge: Callable[[Fleet, Deployment], Verdicts],
) -> Verdicts:
    """On the first host where a change of this chapter stands, and only where the site allows drills: one on which
    the service was not well has been taken back already.

    `bad` makes the version in a folder of this machine. Raises what the hosts raise; what was begun is taken back.
    """
    changed = changed_hosts(since_opening(chapter))
    hosts = [name for name in chapter.fleet.with_role("service").names if name in changed]
    if not chapter.site.drills:
        return Verdicts((skipped(DRILL, "the site does not allow drills: drills = true in the site file"),))
    if chapter.check or not hosts:
        return Verdicts((skipped(DRILL, "nothing was deployed anew: this drill belongs to a deployment"),))
    fleet = chapter.fleet.only(hosts[0])
    began = chapter.run.journal.last
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        version = bad(Path(folder))
        try:
            for answers in fleet.ask(*questions(version)):
                perform(plan(answers, version), fleet[answers.host], chapter.run.journal, run=chapter.run.name,
                        check=False, drill=True)
            found = judge(fleet, version)
        finally:
            noticed = time.monotonic()
            mine = [one for one in since_opening(chapter) if one.seq > began]
            undone = undo(mine, fleet, chapter.run.journal, chapter=chapter.name)
    wrong = [one for one in undone if not one.ok]
    if wrong:
        raise wrong[0].error or RunbookError(str(wrong[0]))
    again = judge(fleet, wanted)
    figures = {
        "rollback.noticed": Figure(round(noticed - started, 3), "s", hosts[0], chapter.basis_for(hosts[0])),
        "rollback.back": Figure(round(time.monotonic() - noticed, 3), "s", hosts[0], chapter.basis_for(hosts[0])),
    }
    return Verdicts((_verdict(hosts[0], found, again, figures),))


def _verdict(host: str, found: Verdicts, again: Verdicts, figures: dict[str, Figure]) -> Verdict:
    if found.ok:
        return failed(DRILL, "a version that cannot listen was found to be well", host, **figures)
    still = [str(one) for one in again if one.state is not State.PASS]
    if still:
        return failed(DRILL, f"the version before is not well again: {'; '.join(still)}", host, **figures)
    return passed(DRILL, "one that cannot listen was found out by its own words, taken back, and the version before "
                  "is what runs and answers", host, **figures)
