"""What a run proved, and what it did not: verdicts that say the same of many hosts are one finding."""

from __future__ import annotations

from dataclasses import dataclass

from runbook.contents import TEARDOWN
from runbook.report.summary import Summary
from runbook.verdict import State


@dataclass(frozen=True)
class Finding:
    """What was looked at on some hosts with one outcome: verdicts that say the same are one line."""

    what: str
    state: State
    reason: str
    hosts: tuple[str, ...]
    chapter: str


def findings(summary: Summary, *states: State) -> tuple[Finding, ...]:
    """The verdicts in these states, those that say the same put together, in the order of the chapters."""
    found: dict[tuple[str, str, State, str], list[str]] = {}
    for chapter, verdict in summary.verdicts:
        if verdict.state in states:
            hosts = found.setdefault((chapter.name, verdict.what, verdict.state, verdict.reason), [])
            hosts += [verdict.host] if verdict.host else []
    return tuple(
        Finding(what, state, reason, tuple(hosts), chapter) for (chapter, what, state, reason), hosts in found.items()
    )


def proven(summary: Summary) -> tuple[Finding, ...]:
    """What passed, the last chapters first: what runs says more than that a host could be reached."""
    found = findings(summary, State.PASS)
    order = [chapter.name for chapter in summary.chapters if chapter.name != TEARDOWN][::-1] + [TEARDOWN]
    return tuple(sorted(found, key=lambda one: order.index(one.chapter)))


def gaps(summary: Summary) -> tuple[Finding, ...]:
    """What was not proven, worst first: verdicts, then chapters that failed or were left out as a whole."""
    whole = [
        Finding(chapter.name, chapter.state, chapter.reason, (), chapter.name)
        for chapter in summary.chapters
        if chapter.state is not State.PASS
        and not any(not one.ok for one in chapter.verdicts)
        and not (chapter.state is State.SKIPPED and chapter.verdicts)
    ]
    all_ = [*findings(summary, State.FAIL, State.BLOCKED, State.SKIPPED), *whole]
    worst = (State.FAIL, State.BLOCKED, State.SKIPPED)
    return tuple(sorted(all_, key=lambda one: worst.index(one.state)))
