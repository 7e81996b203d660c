"""The chain: notebooks one after the other, each in a kernel of its own, told to the run's journal."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass

from runbook import errors
from runbook.contents import Title
from runbook.entries import spans
from runbook.errors import RunbookError
from runbook.follow import Follower
from runbook.hold import let_go_of_left
from runbook.report.interruption import Interruption
from runbook.report.kernel import Kernel, Kernels, without_iri
from runbook.report.notebook import Work
from runbook.report.progress import Progress
from runbook.report.resume import KERNEL
from runbook.report.selection import Selection
from runbook.report.taken_over import TakingOver
from runbook.run import REPORTS_VARIABLE, RUN_VARIABLE, Run

TICK = 0.1  # seconds between two looks at the journal
CLEAN_UP_SECONDS = 20.0  # for an interrupted cell, to stop what it runs on the hosts and give back its locks


@dataclass(frozen=True)
class Outcome:
    """How one notebook ended: the state that the journal has of it."""

    name: str
    state: str
    reason: str
    seconds: float


class Chain:
    """Runs a selection of chapters in a run; every chapter's end comes into the journal, whatever happens."""

    def __init__(self, run: Run, selection: Selection, progress: Progress, interruption: Interruption) -> None:
        self.run = run
        self.selection = selection
        self.progress = progress
        self.interruption = interruption
        self.notebooks = run.folder / "notebooks"
        self._states: dict[str, str] = {}
        self._taking_over = TakingOver(run, selection.afresh, progress.say)

    def go(self) -> tuple[Outcome, ...]:
        """Runs the chapters; one that fails blocks those that need it and no others."""
        titles = self.selection.titles
        self._states = dict(self.run.states())
        self.progress.plan(titles)
        for name, reason in self.selection.left_out.items():
            if name not in self._states:
                self._tell(name, "skipped", reason)
        if not titles:
            return ()
        self.notebooks.mkdir(exist_ok=True)
        without_iri()
        with Kernels(self.notebooks, self._environment()) as kernels:
            return tuple(self._one(title, kernels, title is not titles[-1]) for title in titles)

    def _environment(self) -> Mapping[str, str]:
        return {RUN_VARIABLE: self.run.name, REPORTS_VARIABLE: str(self.run.folder.parent)}

    def _one(self, title: Title, kernels: Kernels, another: bool) -> Outcome:
        if self.interruption:
            return self._tell(title.name, "blocked", f"the run was interrupted by {self.interruption.by}")
        for need in title.needs:
            if self._states.get(need) in ("fail", "blocked"):
                reason = f"it builds on {need}, which {_past(self._states[need])}"
                return self._tell(title.name, "blocked", reason)
        self.progress.begin(title)
        outcome = self._taken_over(title) or self._execute(title, kernels.take(another=another))
        self._states[title.name] = outcome.state
        self.progress.end(title, outcome.state, outcome.reason, outcome.seconds)
        return outcome

    def _taken_over(self, title: Title) -> Outcome | None:
        if self.selection.check or self.selection.defaults:
            return None
        started = time.monotonic()
        own = self.selection.values.get(title.name, {})
        reason = self._taking_over.reason(title, self.selection.source(title), own)
        return None if reason is None else Outcome(title.name, "pass", reason, time.monotonic() - started)

    def _execute(self, title: Title, kernel: Kernel) -> Outcome:
        copy = self.notebooks / f"{title.name}.ipynb"
        shutil.copyfile(self.selection.source(title), copy)
        before = self.run.journal.write("note", about=KERNEL, text=f"{title.name} starts", pid=kernel.pid)
        news = Follower(self.run.folder / "journal.jsonl")
        work = Work(copy, self._parameters(title), kernel, lambda: bool(self.interruption))
        started = time.monotonic()
        try:
            work.start()
            end = self._wait(work, kernel, news)
        finally:
            kernel.stop(at_once=not work.is_alive() and work.error is None)
        work.join(CLEAN_UP_SECONDS)
        if kernel.last_words:
            self.run.journal.write("note", about="kernel said", text=f"{title.name}: {kernel.last_words}")
        self._pass_on(news)
        return self._ended(title.name, before, end or _why(work.error, kernel.last_words), time.monotonic() - started)

    def _parameters(self, title: Title) -> dict[str, object]:
        if self.selection.defaults:
            return {}
        own = dict(self.selection.values.get(title.name, {}))
        return {
            "site": str(self.run.folder / "site.toml"),
            "run": self.run.name,
            "check": self.selection.check,
            "confirm": self.selection.confirm,
            **own,
        }

    def _wait(self, work: Work, kernel: Kernel, news: Follower) -> tuple[str, str] | None:
        """Until the notebook has ended; a signal or the limit interrupts its cell, and kills it where need be.

        Returns state and reason where it was one of these.
        """
        why, until = "", 0.0
        while work.is_alive():
            work.join(TICK)
            self._pass_on(news)
            late = time.monotonic() - work.cell_began > self.selection.cell_seconds
            if not until and (self.interruption or late):
                why = f"interrupted by {self.interruption.by}"
                if self.interruption:
                    self.progress.say(f"{self.interruption.by}: stopping what runs; once more kills it")
                else:
                    why = _hung(work.cell, self.selection.cell_seconds)
                    self.progress.say(f"    {why}: stopping it")
                kernel.interrupt()
                until = time.monotonic() + CLEAN_UP_SECONDS
            if until and (self.interruption.count > 1 or time.monotonic() > until):
                kernel.kill()
                return "fail", f"{why}, and killed as it did not stop{_next(self.run) * (not self.interruption)}"
        if self.interruption:  # it may have come between two cells: no time was left to say so
            return "fail", f"interrupted by {self.interruption.by}"
        return ("fail", why + _next(self.run)) if until else None

    def _pass_on(self, news: Follower) -> None:
        for line in news.news():
            self.progress.news(line)
        self.progress.tick()

    def _ended(self, name: str, since: int, said: tuple[str, str], seconds: float) -> Outcome:
        """What the journal says, or, where the notebook could not say it any more, what is said for it."""
        told = [
            span
            for span in spans(self.run.entries(), "chapter")
            if span.begin.chapter == name and span.begin.seq > since
        ]
        last = told[-1] if told else None
        if last is not None and last.end is not None:
            return Outcome(name, str(last.end["state"]), str(last.end.get("reason") or ""), seconds)
        let_go_of_left(self.run.site, self.run.name, self.run.journal)
        return self._tell(name, *said, begin=last.begin.seq if last else None, seconds=seconds)

    def _tell(self, name: str, state: str, reason: str, *, begin: int | None = None, seconds: float = 0.0) -> Outcome:
        """Writes a chapter's end that its notebook did not write."""
        journal = self.run.journal
        journal.chapter = name
        try:
            opened = journal.begin("chapter", parameters={}) if begin is None else begin
            journal.end(opened, state=state, reason=reason, seconds=round(seconds, 3))
        finally:
            journal.chapter = None
        self._states[name] = state
        return Outcome(name, state, reason, seconds)


def _why(error: BaseException | None, last_words: str) -> tuple[str, str]:
    """State and reason of a notebook that ended without telling the journal itself."""
    if error is None:
        return "fail", "its notebook ended without `record`"
    name, said = getattr(error, "ename", ""), getattr(error, "evalue", "")
    if name:
        kind = getattr(errors, name, None)
        known = isinstance(kind, type) and issubclass(kind, RunbookError)
        return ("blocked" if known and kind.exit_code == 3 else "fail"), said if known else f"{name}: {said}"
    if type(error).__name__ == "DeadKernelError":
        said = f"; it said: {last_words.splitlines()[-1]}" if last_words else ""
        return "fail", f"its kernel died: it was killed, or ran out of memory{said}"
    return "fail", f"{type(error).__name__}: {error}"


def _hung(cell: str, seconds: float) -> str:
    return f"its cell `{cell}` did not end within {seconds:g} s"


def _next(run: Run) -> str:
    """What to do about a cell that hung; what it ran on hosts has been stopped with it."""
    return (f"\n  next: `runbook status {run.name} --hosts` shows what is left there; then go on with --resume, "
            "and --cell-seconds where it needs longer")


def _past(state: str) -> str:
    return "failed" if state == "fail" else "was blocked"
