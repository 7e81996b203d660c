"""What a chapter tried and found in an earlier run, told again where nothing that it stands on has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from runbook.claims.judge import Judgement, Standing
from runbook.claims.ledger import Claim, load_ledger
from runbook.entries import Entry, spans
from runbook.errors import RunbookError
from runbook.run import Run, named
from runbook.verdict import State, Verdict, Verdicts

Function = TypeVar("Function", bound=Callable[..., Any])

STANDS = "stands"
"""The journal's note that an earlier run's findings stand: `text` the chapter, `run` and `line` its begin."""

LASTS = timedelta(days=7)
"""An older measurement is made again although nothing seems to have changed: what nobody thought of may have."""


def lasting(function: Function) -> Function:
    """Marks a function of `verify` that tries something: what it found stands for as long as its ground does."""
    function.lasting = True  # type: ignore[attr-defined]
    return function


def known_as(what: object) -> str:
    """The name under which the journal's note of a verb has what it was given: a function, evidence, plans."""
    if what is None:
        return ""
    return str(getattr(what, "of", "") or getattr(what, "__name__", "") or type(what).__name__)


@dataclass(frozen=True, repr=False)
class EarlierClaims:
    """Claims with the judgements that an earlier run came to, instead of evidence."""

    of: str  # the type of that evidence
    claims: tuple[tuple[Claim, Judgement], ...]
    taken_over: Mapping[str, str]

    def __str__(self) -> str:
        return f"judged in {self.taken_over['run']}; nothing has changed since"

    __repr__ = __str__


class Earlier:
    """A chapter's findings of an earlier run, where the chain has noted that they stand."""

    def __init__(self, run: Run, chapter: str, begin: int) -> None:
        self._run, self._chapter, self._begin = run, chapter, begin
        self.reason = ""  # once something was told again

    def verdicts(self, function: Callable[..., Verdicts]) -> tuple[Verdicts, Mapping[str, str]] | None:
        """What a lasting function found, and the run and time of it; None where it is to be tried."""
        if not getattr(function, "lasting", False):
            return None
        lines, taken_over = self._lines("verdict", function.__name__)
        if not lines or any(one.get("state") == State.SKIPPED for one in lines):  # what kept it from it may be over
            return None
        return Verdicts(tuple(Verdict.from_dict(line.fields, line.host) for line in lines)), self._told(taken_over)

    def claims(self, of: type) -> EarlierClaims | None:
        """What the claims that this type of evidence decides came to; None where it is to be gathered."""
        lines, taken_over = self._lines("claim", of.__name__)
        if not lines:
            return None
        ledger = load_ledger()
        return EarlierClaims(of.__name__, tuple((ledger.claim(str(line["id"])), _judgement(line)) for line in lines),
                             self._told(taken_over))

    def _told(self, taken_over: Mapping[str, str]) -> Mapping[str, str]:
        self.reason = f"what it tries is taken over from {taken_over['run']}: nothing that it stands on has changed"
        return taken_over

    def _lines(self, kind: str, function: str) -> tuple[tuple[Entry, ...], Mapping[str, str]]:
        """The lines under that verb, and where and when they were found first; none where they do not stand."""
        nothing: tuple[tuple[Entry, ...], Mapping[str, str]] = (), {}
        own = self._run.entries()
        before = [one.seq for one in own if one.kind == "chapter" and one.chapter == self._chapter
                  and one.seq < self._begin]
        noted = [one for one in own if one.get("about") == STANDS and one.get("text") == self._chapter
                 and max(before, default=-1) < one.seq < self._begin]
        changed = any(one.end and one.end.get("changed") for one in spans(own, "step") if one.begin.seq > self._begin)
        if not noted or changed:
            return nothing
        try:
            there = named(str(noted[-1]["run"])).entries()
        except RunbookError:  # pruned or damaged meanwhile
            return nothing
        lines = tuple(_under(there, int(str(noted[-1]["line"])), kind, function))
        if not lines:
            return nothing
        origin = lines[0].get("taken_over") or {"run": str(noted[-1]["run"]), "time": lines[0].time}
        assert isinstance(origin, Mapping)
        lasts = datetime.now(UTC) - datetime.fromisoformat(str(origin["time"])) <= LASTS
        return (lines, {name: str(value) for name, value in origin.items()}) if lasts else nothing


def _under(there: tuple[Entry, ...], begin: int, kind: str, function: str) -> Iterator[Entry]:
    """Lines of a kind, in the chapter begun there, from the verb's note that names the function to the next verb's."""
    chapter = next((span for span in spans(there, "chapter") if span.begin.seq == begin and span.end), None)
    inside = False
    for entry in there:
        if chapter is None or entry.chapter != chapter.begin.chapter or entry.seq <= begin:
            continue
        if entry.seq >= (chapter.end.seq if chapter.end else 0):
            return
        if entry.get("about") == "verb":
            inside = entry.get("function") == function
        elif inside and entry.kind == kind:
            yield entry


def _judgement(line: Entry) -> Judgement:
    holds = line.get("holds")
    decided = line["state"] == Standing.JUDGED and isinstance(holds, bool)
    return Judgement(bool(holds) if decided else None, str(line.get("measured") or ""), str(line["basis"]),
                     str(line.get("why") or ""))
