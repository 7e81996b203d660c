"""What a verb returned: one stable line a host for comparison, and a table for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import TypeVar

from runbook.claims.judge import Judgement
from runbook.claims.ledger import Claim
from runbook.remote.question import Answers, HostAnswers, Question, Unanswered
from runbook.show.tables import facts_table, state_table, table, verdict_table
from runbook.verdict import Verdict, Verdicts

Fact = TypeVar("Fact")


@dataclass(frozen=True, repr=False)
class Observed:
    """The answers of every host; `observed["node1"][QUESTION]` is one fact."""

    answers: Answers

    def __getitem__(self, host: str) -> HostAnswers:
        return self.answers[host]

    def __iter__(self) -> Iterator[HostAnswers]:
        return iter(self.answers)

    def of(self, question: Question[Fact]) -> dict[str, Fact]:
        return self.answers.of(question)

    def __repr__(self) -> str:
        return "\n".join(
            f"{one.host}: {len(one.facts)} questions answered or explained" if one.error is None else one.error.what
            for one in self.answers
        )

    def _repr_html_(self) -> str:
        questions = dict.fromkeys(question for one in self.answers for question in one.facts)
        rows = {asked.name: {one.host: one.facts.get(asked) for one in self.answers} for asked in questions}
        return facts_table([one.host for one in self.answers], rows)

    @property
    def unanswered(self) -> tuple[tuple[str, Unanswered], ...]:
        return tuple((one.host, fact) for one in self.answers for fact in one.facts.values()
                     if isinstance(fact, Unanswered))


@dataclass(frozen=True, repr=False)
class Acted:
    """What became of each host's plan: applied, unchanged, or pending in check mode."""

    states: Mapping[str, str]
    changed: Mapping[str, int]

    def __repr__(self) -> str:
        return "\n".join(f"{host}: {state}" for host, state in self.states.items()) or "no host has a plan"

    def _repr_html_(self) -> str:
        changed = {host: f"{count} changed" for host, count in self.changed.items()}
        return state_table({host: (state, changed[host]) for host, state in self.states.items()})

    @property
    def pending(self) -> bool:
        return "pending" in self.states.values()


@dataclass(frozen=True, repr=False)
class Judged:
    """The verdicts of a chapter's verification."""

    verdicts: Verdicts

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    @property
    def ok(self) -> bool:
        return self.verdicts.ok

    def __repr__(self) -> str:
        """One line for all hosts that got the same verdict."""
        hosts: dict[tuple[str, str, str], list[str]] = {}
        for verdict in self.verdicts:
            hosts.setdefault((verdict.what, verdict.state, verdict.reason), []).append(verdict.host or "")
        return "\n".join(
            f"{', '.join(filter(None, names))}{': ' if any(names) else ''}{what}: {state}, {reason}"
            for (what, state, reason), names in hosts.items()
        ) or "nothing was judged"

    def _repr_html_(self) -> str:
        return verdict_table(self.verdicts)


@dataclass(frozen=True, repr=False)
class Heard:
    """Claims and their judgements: *article says / measured here*."""

    claims: tuple[tuple[Claim, Judgement], ...]

    def __repr__(self) -> str:
        lines = (f"{claim.id} {_outcome(judgement)}" for claim, judgement in self.claims)
        return "\n".join(lines) or "no claim is decided"

    def _repr_html_(self) -> str:
        return table(("claim", "article says", "measured here", ""), (
            (escape(claim.id), escape(claim.article), escape(judgement.measured or judgement.why),
             escape(_outcome(judgement)))
            for claim, judgement in self.claims))


def _outcome(judgement: Judgement) -> str:
    if judgement.holds is None:
        return "not measurable here"
    return "holds" if judgement.holds else "does not hold"


@dataclass(frozen=True, repr=False)
class Recorded:
    """How a chapter ended, and what of the article it could tell."""

    chapter: str
    state: str
    claims: Mapping[str, int]

    def __repr__(self) -> str:
        told = ", ".join(f"{count} {state}" for state, count in self.claims.items() if count)
        return f"{self.chapter}: {self.state}" + (f"; claims: {told}" if told else "")
