"""One question, one fact: a command's text and the pure function that reads its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from runbook.errors import RunbookError
from runbook.remote.command import Script
from runbook.remote.odd_ones import OddRow, markdown_table, odd_first, text_table

Fact = TypeVar("Fact")


@dataclass(frozen=True)
class Question(Generic[Fact]):
    """`script` is asked on a host, `parse(text) -> fact` reads its stdout. It never changes anything."""

    script: Script
    parse: Callable[[str], Fact] = field(compare=False)
    name: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.parse.__name__.removeprefix("parse_"))


@dataclass(frozen=True)
class Unanswered:
    """A question that a host could not answer, and why; it is false, and shows itself."""

    question: str
    why: str

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return f"{self.question}: not answered ({self.why})"


@dataclass(frozen=True)
class HostAnswers:
    """What one host answered: `answers[QUESTION]` is its fact, or an `Unanswered`."""

    host: str
    facts: Mapping[Question, object]
    error: RunbookError | None = None  # the whole host could not be asked

    def __getitem__(self, question: Question[Fact]) -> Fact:
        if self.error is not None:
            raise self.error
        return self.facts[question]  # type: ignore[return-value]

    @property
    def ok(self) -> bool:
        return self.error is None and not any(isinstance(fact, Unanswered) for fact in self.facts.values())

    def __str__(self) -> str:
        return str(self.error) if self.error is not None else "\n".join(map(str, self.facts.values()))


@dataclass(frozen=True)
class Answers:
    """What a fleet answered, in the hosts' order; one host's failure hides no other's answer."""

    hosts: tuple[HostAnswers, ...]

    def __iter__(self) -> Iterator[HostAnswers]:
        return iter(self.hosts)

    def __len__(self) -> int:
        return len(self.hosts)

    def __getitem__(self, host: str) -> HostAnswers:
        for answers in self.hosts:
            if answers.host == host:
                return answers
        raise KeyError(host)

    def of(self, question: Question[Fact]) -> dict[str, Fact]:
        """The facts of one question by host; hosts that could not be asked are left out."""
        return {answers.host: answers[question] for answers in self.hosts if answers.error is None}

    @property
    def ok(self) -> bool:
        return all(answers.ok for answers in self.hosts)

    @property
    def errors(self) -> dict[str, RunbookError]:
        return {answers.host: answers.error for answers in self.hosts if answers.error is not None}

    def rows(self) -> tuple[OddRow, ...]:
        """A row for all hosts that answered the same: those that could not be asked first, then the odd ones."""
        return odd_first({one.host: one.error or one for one in self.hosts})

    def __str__(self) -> str:
        return text_table(self.rows())

    def _repr_markdown_(self) -> str:
        return markdown_table(self.rows())
