"""What the teardown does with a chapter: the functions that its notebook calls."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runbook.chapter import Chapter
from runbook.chapters.teardown.observe import Remaining, before, remaining, traces
from runbook.chapters.teardown.verify import AS_BEFORE, as_before
from runbook.errors import RunbookError, UndoRefused
from runbook.remote.question import Unanswered
from runbook.undo import Undone, standing, undo
from runbook.verdict import Verdict, Verdicts, failed


@dataclass(frozen=True, repr=False)
class TakenBack:
    """What became of each step that was to be taken back."""

    steps: tuple[Undone, ...]
    pending: tuple[str, ...] = ()      # hosts, in check mode

    def __repr__(self) -> str:
        hosts = sorted({step.host for step in self.steps})
        lines = [f"{host}: taken back" for host in hosts]
        return "\n".join(lines + [f"{host}: to be taken back" for host in self.pending]) or "nothing was to be done"

    __str__ = __repr__


def what_stands(chapter: Chapter) -> Remaining:
    """What the run has changed and nobody has taken back, on the hosts of this chapter."""
    return remaining(chapter.run.entries(), chapter.fleet.names, str(chapter.options.get("only_chapter", "")))


def newest_first(seen: Remaining) -> Remaining:
    """The order of taking back: as it stands in the journal, backwards."""
    return Remaining(tuple(sorted(seen.steps, key=lambda step: -step.seq)))


def take_back(chapter: Chapter, plan: Remaining) -> TakenBack:
    """Takes it back under the hosts' locks. Raises UndoRefused, or the first host's error, after all were tried."""
    if not plan or chapter.check:
        return TakenBack((), plan.hosts)
    chapter.take_hosts(plan.hosts)
    only = str(chapter.options.get("only_chapter", "")) or None
    done = undo(chapter.run.entries(), chapter.fleet, chapter.run.journal, chapter=only)
    wrong = [one for one in done if one.error is not None]
    if wrong:
        kind = UndoRefused if all(isinstance(one.error, UndoRefused) for one in wrong) else RunbookError
        tails = "\n".join(f"{one.error.what}\n{one.error.tail}" for one in wrong if one.error)
        raise kind(f"{len(wrong)} of {len(done)} steps were not taken back: {wrong[0]}", tail=tails,
                   next="mend what is said, then run the teardown again: it goes on with what still stands")
    return TakenBack(done)


def hosts_are_as_before(chapter: Chapter) -> Verdicts:
    """Looks at every path that the run wrote, on every host; locks of this chapter are let go of first."""
    chapter.let_go()
    return Verdicts(tuple(_looked_at(chapter, name) for name in chapter.fleet.names))


def _looked_at(chapter: Chapter, name: str) -> Verdict:
    entries, only = chapter.run.entries(), str(chapter.options.get("only_chapter", ""))
    if any(step.host == name for step in standing(entries, only or None)):
        return failed(AS_BEFORE, "changes of the run still stand", name)
    was = before(entries, name, only)
    question = traces(chapter.run.name, was)
    answers = chapter.fleet[name].ask(question)
    seen = Unanswered(AS_BEFORE, answers.error.what) if answers.error else answers[question]
    if isinstance(seen, Unanswered):
        return failed(AS_BEFORE, seen.why, name)
    others = any(step.host == name for step in standing(entries))  # of chapters that were not asked for
    return as_before(name, was, replace(seen, run_folder=seen.run_folder and not others))
