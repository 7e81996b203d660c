"""A run as its journal tells it: chapters with what they did and found, hosts, claims and artefacts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from runbook.entries import Entry, Span, spans
from runbook.verdict import State, Verdict

NOT_ENDED = "it did not end: it was interrupted, or it still goes on"
WORK = ("step", "command", "transfer")


@dataclass(frozen=True)
class ChapterAccount:
    """One chapter of a run: state, reason and verdicts of its last attempt, the work of all of them."""

    name: str
    state: State
    reason: str
    started: str
    seconds: float
    open: bool
    attempts: int
    parameters: Mapping[str, object]
    work: tuple[Span, ...]
    verdicts: tuple[Verdict, ...]
    plans: tuple[Entry, ...]

    def of_kind(self, kind: str) -> tuple[Span, ...]:
        """Its steps, commands or transfers."""
        return tuple(span for span in self.work if span.begin.kind == kind)

    @property
    def changes(self) -> dict[str, int]:
        """What was altered on each host that it planned for or worked on; 0 where it was as wanted."""
        found = {entry.host: 0 for entry in self.plans if entry.host}
        for step in self.of_kind("step"):
            host = step.begin.host
            if host:
                found[host] = found.get(host, 0) + changed_by(step)
        return found


@dataclass(frozen=True)
class Account:
    """A whole run."""

    site: str
    target: str
    mode: str
    version: str
    started: str
    seconds: float
    state: str
    reason: str
    chapters: Mapping[str, ChapterAccount]
    entries: tuple[Entry, ...] = field(repr=False)

    @property
    def interrupted(self) -> bool:
        return self.state == "interrupted"

    @property
    def open(self) -> bool:
        """Whether the run has begun and not ended."""
        return self.state == "open"

    def notes(self, about: str) -> tuple[Entry, ...]:
        """All notes about that, in order."""
        return tuple(one for one in self.entries if one.kind == "note" and one.get("about") == about)

    def of_kind(self, kind: str) -> tuple[Entry, ...]:
        return tuple(one for one in self.entries if one.kind == kind)

    def facts(self) -> dict[str, dict[str, Entry]]:
        """The last answer to each question, by host: `facts()["node1"]["uname"]`."""
        found: dict[str, dict[str, Entry]] = {}
        for note in self.notes("fact"):
            if note.host:
                found.setdefault(note.host, {})[str(note.get("question"))] = note
        return found

    def claims(self) -> dict[str, Entry]:
        """The last judgement of each claim, by its id."""
        return {str(one.get("id")): one for one in self.of_kind("claim")}


def account_of(entries: Iterable[Entry]) -> Account:
    """Reads a verified journal. Everything that is said of a run later starts here."""
    told = tuple(entries)
    runs = [entry for entry in told if entry.kind == "run"]
    first = runs[0] if runs else None
    ends = [entry for entry in runs if entry.phase == "end"]
    still = not runs or runs[-1].phase == "begin"
    return Account(
        site=str(first.get("site", "")) if first else "",
        target=str(first.get("target", "")) if first else "",
        mode=str(first.get("mode", "act")) if first else "act",
        version=str(first.get("version", "")) if first else "",
        started=told[0].time if told else "",
        seconds=between(told[0].time, told[-1].time) if told else 0.0,
        state="open" if still else str(ends[-1].get("state", "")),
        reason="" if still else str(ends[-1].get("reason", "")),
        chapters=dict(_chapters(told)),
        entries=told,
    )


def _chapters(told: tuple[Entry, ...]) -> Iterator[tuple[str, ChapterAccount]]:
    attempts: dict[str, list[Span]] = {}
    for span in spans(told, "chapter"):
        if span.begin.chapter:
            attempts.setdefault(span.begin.chapter, []).append(span)
    work: dict[str | None, list[Span]] = {}
    for span in spans(told, *WORK):
        work.setdefault(span.begin.chapter, []).append(span)
    for name, tried in attempts.items():
        last = tried[-1]
        own = [one for one in told if one.chapter == name and one.seq >= last.begin.seq]
        state, reason = (State.FAIL, NOT_ENDED) if last.open else _end_of(last)
        parameters = last.begin.get("parameters")
        yield (
            name,
            ChapterAccount(
                name=name,
                state=state,
                reason=reason,
                started=tried[0].begin.time,
                seconds=sum(seconds_of(span) for span in tried),
                open=last.open,
                attempts=len(tried),
                parameters=parameters if isinstance(parameters, Mapping) else {},
                work=tuple(work.get(name, ())),
                verdicts=tuple(verdict_of(one) for one in own if one.kind == "verdict"),
                plans=tuple(one for one in own if one.kind == "note" and one.get("about") == "plan"),
            ),
        )


def _end_of(span: Span) -> tuple[State, str]:
    assert span.end is not None
    return State(str(span.end.get("state"))), str(span.end.get("reason") or "")


def verdict_of(entry: Entry) -> Verdict:
    """The verdict that a line holds."""
    first_last = entry.get("span")
    span = (first_last[0], first_last[1]) if isinstance(first_last, list) else None
    return replace(Verdict.from_dict(entry.fields, entry.host), journal=span)


def changed_by(step: Span) -> int:
    """How many things a step altered on its host, as its end says; taking back and checking alter nothing."""
    if step.end is None or step.begin.get("check") or step.begin.get("undoes") is not None:
        return 0
    return int(str(step.end.get("changed", 0)))


def seconds_of(span: Span) -> float:
    """How long it took; what has no end took no time that is known."""
    return float(str(span.end.get("seconds", 0.0))) if span.end else 0.0


def between(start: str, end: str) -> float:
    """Seconds between two RFC 3339 times."""
    return round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds(), 3)
