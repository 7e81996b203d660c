"""Where a chapter stands in its run: what has been done of it, how that ended, and what is missing; by the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runbook.consent import DONE
from runbook.contents import CONTENTS, TEARDOWN, Title
from runbook.entries import Entry, Span, spans

VERBS = ("observe", "decide", "act", "verify", "record")
OPEN = "open"  # begun, and not ended
MOMENT = timedelta(minutes=1)


@dataclass(frozen=True)
class Attempt:
    """One time that a chapter was begun: the verbs that succeeded, the one that did not, and how it ended."""

    began: str  # RFC 3339
    ended: str  # RFC 3339; empty where it has not ended
    state: str
    reason: str
    done: tuple[str, ...]
    broken: str = ""  # a verb that was begun and did not succeed


@dataclass(frozen=True)
class Position:
    """Where one chapter stands; `last` is None where it was never begun in the run."""

    title: Title
    run: str
    states: Mapping[str, str]  # of every chapter that was begun
    attempts: int
    last: Attempt | None

    @property
    def missing(self) -> tuple[str, ...]:
        """The chapters before this one that have not passed."""
        names = [title.name for title in CONTENTS]
        before = names[:names.index(self.title.name)] if self.title.name != TEARDOWN else []
        return tuple(name for name in before if self.states.get(name) != "pass")

    def line(self, now: datetime) -> str:
        """Where the chapter stands, as a sentence or two."""
        return f"{self._before(now)} {self._what_is_missing()}".strip()

    def _before(self, now: datetime) -> str:
        last = self.last
        if last is None:
            return "Not run in this run yet. Nothing changes on a host before Act."
        times = f" It was begun {self.attempts} times in this run." if self.attempts > 1 else ""
        did = _listed(last.done) or "nothing"
        if not last.ended:
            stopped = f"`{last.broken}` did not end" if last.broken else f"it stopped after {did}"
            left = _listed([verb for verb in VERBS if verb not in last.done])
            return (f"Begun {_ago(last.began, now)}, and {stopped}: {left} {_are(left)} missing.{times} It goes on "
                    "from Observe: what was done is seen there, and is not done twice.")
        when = _ago(last.ended, now)
        if last.state == "pass":
            return f"Passed {when}.{times} Run again, it looks anew, and changes only what is no longer as wanted."
        if last.state == "skipped":
            return f"Skipped {when}: {_first(last.reason) or 'its changes are pending'}.{times}"
        word = {"fail": "Failed", "blocked": "Blocked"}.get(last.state, last.state.capitalize())
        return (f"{word} {when}: {_first(last.reason)}.{times} It goes on from Observe: what was done before "
                "it stopped is seen there, and is not done twice.")

    def _what_is_missing(self) -> str:
        if not self.missing:
            return ""
        names = _listed([f"{name[:2]} {_title(name)}" for name in self.missing])
        return f"Before it in this run {names} {_are(names)} missing."


def position(title: Title, run: str, entries: Iterable[Entry]) -> Position:
    """Where a chapter stands by its run's entries."""
    told = tuple(entries)
    own = [span for span in spans(told, "chapter") if span.begin.chapter == title.name]
    last = _attempt(own[-1], told) if own else None
    return Position(title, run, states_in(told), len(own), last)


def states_in(entries: Iterable[Entry]) -> dict[str, str]:
    """The state of each chapter that was begun: how its last time ended, or `open`."""
    found: dict[str, str] = {}
    for span in spans(entries, "chapter"):
        if span.begin.chapter:
            found[span.begin.chapter] = OPEN if span.end is None else str(span.end.get("state"))
    return found


def _attempt(span: Span, entries: tuple[Entry, ...]) -> Attempt:
    until = span.end.seq if span.end else entries[-1].seq
    done: dict[str, None] = {}
    under_way = ""
    for one in entries:
        if one.kind != "note" or one.chapter != span.begin.chapter or not span.begin.seq < one.seq <= until:
            continue
        if one.get("about") == "verb":
            under_way = str(one.get("text"))
        elif one.get("about") == DONE:
            done[str(one.get("text"))] = None
            under_way = ""
    end = span.end
    return Attempt(span.begin.time, end.time if end else "", str(end.get("state")) if end else OPEN,
                   str(end.get("reason") or "") if end else "", tuple(done), under_way)


def _ago(when: str, now: datetime) -> str:
    """A time for people: just now, 5 minutes ago, 3 days ago."""
    past = now - datetime.fromisoformat(when.replace("Z", "+00:00"))
    if past < MOMENT:
        return "just now"
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", MOMENT)):
        count = past // length
        if count:
            return f"{count} {unit}{'s' * (count != 1)} ago"
    return "just now"


def _title(name: str) -> str:
    return next((title.title for title in CONTENTS if title.name == name), name)


def _listed(words: Iterable[str]) -> str:
    *some, last = tuple(words) or ("",)
    return f"{', '.join(some)} and {last}" if some else last


def _are(listed: str) -> str:
    return "are" if " and " in listed else "is"


def _first(reason: str) -> str:
    return reason.splitlines()[0].rstrip(".") if reason else ""


def present() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)
