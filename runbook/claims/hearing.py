"""A hearing: every judge of a chapter that can judge by the evidence at hand gives its judgement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

from runbook.claims.judge import Judgement, judge_of
from runbook.claims.ledger import Claim, load_ledger
from runbook.errors import RunbookError


def hear(chapter: str, evidence: object) -> Iterator[tuple[Claim, Judgement]]:
    """The chapter's claims whose judge takes evidence of this type, each with its judgement.

    A judge may return None: this evidence does not decide its claim. One that stumbles over a host or a tool
    has not judged: the claim is not measurable, and the error is why.
    """
    for claim in load_ledger().of_chapter(chapter):
        judge = judge_of(claim.id)
        if judge is None or not isinstance(evidence, _wanted(judge)):
            continue
        try:
            judgement: Judgement | None = judge(evidence)
        except RunbookError as error:
            judgement = Judgement(None, "", why=error.what)
        if judgement is not None:
            yield claim, judgement


def _wanted(judge: Callable[..., Any]) -> type:
    """The type of a judge's one parameter."""
    hints = {name: hint for name, hint in get_type_hints(judge).items() if name != "return"}
    if len(hints) != 1:
        name = f"{judge.__module__}.{judge.__qualname__}"
        raise TypeError(f"{name}: a judge has one parameter, typed by its evidence")
    (wanted,) = hints.values()
    return wanted
