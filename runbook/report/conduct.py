"""One unattended run from its beginning to its report: chapters, then what is taken back, then what is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from runbook.contents import TEARDOWN, title_of
from runbook.errors import ParameterError, RunbookError, SiteError
from runbook.opening import who
from runbook.report.approvals import approvals
from runbook.report.chain import Chain
from runbook.report.interruption import Interruption
from runbook.report.markdown import write_markdown
from runbook.report.progress import Progress
from runbook.report.render import write_report
from runbook.report.reserve import Reserve, told
from runbook.report.resume import asked_again, end_left, remember
from runbook.report.selection import Asked, Selection, select, teardown
from runbook.report.summary import Summary, write_summary
from runbook.run import Run, named
from runbook.site import Site, load_site
from runbook.verdict import State

CLOSED_AS = {0: "passed", 1: "failed", 3: "blocked"}


@dataclass(frozen=True)
class Finished:
    """A run that has ended: its summary and its page; `only` are the chapters that were all it was asked for."""

    run: Run
    summary: Summary
    page: Path
    only: tuple[str, ...] = ()

    @property
    def asked(self) -> Summary:
        """The summary of what was asked for: an undo is judged by itself, not by what the run had come to before."""
        if not self.only:
            return self.summary
        return replace(self.summary, chapters=tuple(one for one in self.summary.chapters if one.name in self.only))

    @property
    def exit_code(self) -> int:
        return self.asked.exit_code


def conduct(
    run: Run,
    selection: Selection,
    progress: Progress,
    *,
    afterwards: Selection | None = None,
    asked: Asked | None = None,
) -> Finished:
    """Runs the chain, then `afterwards` whatever became of it, closes the run and tells it.

    What was `asked` is kept for a resumed run. A signal ends the chain, not what comes afterwards: that has its own,
    so a second one ends it too. Raises LockHeld where another process works in this run, JournalDamaged after all
    was told.
    """
    with run.alone(), Reserve(run.folder) as reserve:
        end_left(run)
        run.resume(by=who())
        if asked is not None:
            remember(run, asked)
        for one in approvals(run.site, date.today()):
            progress.say(one)
        return _conducted(run, selection, progress, afterwards, reserve)


def _conducted(
    run: Run, selection: Selection, progress: Progress, afterwards: Selection | None, reserve: Reserve
) -> Finished:
    by = ""
    trouble: RunbookError | None = None
    for part in (selection, afterwards):
        if part is None:
            continue
        with Interruption() as interruption:
            try:
                Chain(run, part, progress, interruption).go()
            except RunbookError as error:  # the journal itself: what was done is still told, then raised
                trouble = trouble or error
            except OSError as error:
                trouble = trouble or told(error, run.folder)
        by = by or interruption.by
    reserve.release()
    with Interruption():  # a person who presses once more does not leave the run open and the report half
        finished = close_and_tell(run, interrupted_by=by, trouble=trouble.what if trouble else "")
    if trouble is not None:
        raise trouble
    return finished


def close_and_tell(run: Run, *, interrupted_by: str = "", trouble: str = "") -> Finished:
    """Closes the run as what it came to, and writes summary.json, report.md and index.html."""
    if trouble:
        run.close(state="failed", reason=trouble)
    elif interrupted_by:
        run.close(state="interrupted", reason=f"interrupted by {interrupted_by}")
    else:
        so_far = write_summary(run.folder)
        run.close(state=CLOSED_AS.get(so_far.exit_code, "failed"), reason=first_reason(so_far))
    write_markdown(run.folder)
    return Finished(run, write_summary(run.folder), write_report(run.folder))


def first_reason(summary: Summary) -> str:
    """Why a run did not pass: the reason of its first chapter that failed, else of the first that was blocked."""
    for state in ("fail", "blocked"):
        for chapter in summary.chapters:
            if chapter.state == state:
                return f"{chapter.name}: {chapter.reason.splitlines()[0] if chapter.reason else state}"
    return ""


def run_site(path: str, asked: Asked, progress: Progress, *, resume: str = "") -> Finished:
    """The chain on the hosts of a site file, in a new run or in one that goes on.

    A run that goes on does what was asked of it before, unless other chapters are named now. Raises SiteError and
    ParameterError before anything starts.
    """
    site = load_site(path)
    going_on = named(resume) if resume else None
    if going_on is not None and going_on.site.name != site.name:
        raise ParameterError(
            f"run {going_on.name} is of the site {going_on.site.name}, not of {site.name}",
            next=f"name a run of {site.name}; `runbook status` lists them",
        )
    states = going_on.states() if going_on else {}
    if going_on is not None:
        asked = asked_again(going_on, asked)
    selection = select(asked, [name for name, state in states.items() if state == State.PASS])
    hosts_may_be_asked(site)
    if going_on is None:
        going_on = Run.start(site, check=asked.check, by=who())
    with progress:
        return conduct(going_on, selection, progress, asked=asked)


def hosts_may_be_asked(site: Site) -> None:
    """Raises Blocked where the hosts are a testbed's that is down: its addresses might be somebody else's then."""
    from runbook.testbed import bed
    from runbook.testbed.layout import layout_of

    try:
        layout_of(site)
    except SiteError:  # real servers
        return
    bed.require_standing(site.file)


def take_back(name: str, progress: Progress, *, chapter: str = "", confirm: str = "") -> Finished:
    """Undoes a run, or one chapter of it, by the teardown notebook; the run goes on for that, and is closed."""
    run = named(name)
    values = (f"{TEARDOWN}.only_chapter={title_of(chapter).name}",) if chapter else ()
    selection = teardown(Asked(confirm=confirm, values=values))
    hosts_may_be_asked(run.site)
    with progress:
        return replace(conduct(run, selection, progress), only=(TEARDOWN,))
