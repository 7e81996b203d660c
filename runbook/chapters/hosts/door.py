"""What the start and the inspection do with a chapter: the functions that their notebooks call."""

from __future__ import annotations

from runbook.chapter import Chapter
from runbook.chapters.hosts.figures import host_figures
from runbook.chapters.hosts.judges import Inspection
from runbook.chapters.hosts.observe import HOST_QUESTIONS, START_QUESTIONS, clock_offsets
from runbook.chapters.hosts.verify import ready_for_work
from runbook.plan import Plan
from runbook.remote.question import HostAnswers, Unanswered
from runbook.verdict import Figure, Verdict, Verdicts, failed, passed
from runbook.views import Observed

INSPECTED = "inspected"


def only_look(seen: HostAnswers) -> Plan:
    """The plan of a chapter that changes nothing."""
    return Plan(because="this chapter only looks")


def fit_for_work(chapter: Chapter) -> Verdicts:
    """Whether each host can be worked on, asked anew."""
    answers = chapter.fleet.ask(*START_QUESTIONS)
    return ready_for_work(answers, clock_offsets(_reached(chapter, answers.errors)), chapter.target)


def inspected(chapter: Chapter) -> Verdicts:
    """One verdict a host: whether it told what it is, with the numbers that later figures are read against."""
    answers = chapter.fleet.ask(*HOST_QUESTIONS)
    figures = host_figures(answers, clock_offsets(_reached(chapter, answers.errors)))
    return Verdicts(tuple(_told(host, figures) for host in answers))


def _told(answers: HostAnswers, figures: dict[str, Figure]) -> Verdict:
    own = {name.rpartition(".")[2]: figure for name, figure in figures.items() if figure.host == answers.host}
    if answers.error is not None:
        return failed(INSPECTED, str(answers.error), answers.host)
    silent = sum(isinstance(fact, Unanswered) for fact in answers.facts.values())
    own["unanswered"] = Figure(silent, "questions", answers.host)
    if silent == len(answers.facts):
        return failed(INSPECTED, "no question was answered", answers.host, **own)
    return passed(INSPECTED, "every question was answered, or its silence explained", answers.host, **own)


def _reached(chapter: Chapter, errors: dict[str, object]) -> tuple:
    return tuple(shell for shell in chapter.fleet if shell.name not in errors)


def inspection(chapter: Chapter, seen: Observed) -> Inspection:
    """What the claims about the servers are judged by: `chapter.judge(door.inspection(chapter, seen))`."""
    return Inspection(seen.answers, chapter.target)
