"""Acting: the one loop that changes a host, step by step, each told to the journal before it is done."""

from __future__ import annotations

from dataclasses import dataclass, field

from runbook.action import Place, Remove, RemoveFolder, Replace, Run
from runbook.as_json import to_json
from runbook.errors import Interrupted, RunbookError, UsageError
from runbook.plan import Action, Plan, Step
from runbook.preimage import Keeper, change, tidy
from runbook.remote.command import Command
from runbook.remote.secret import KNOWN
from runbook.remote.shell import Recorder, Shell
from runbook.remote.strict import StrictShell
from runbook.restore import Taken, take_back


@dataclass(frozen=True)
class Performed:
    """What became of one host's plan; `changed` counts what was altered, or would be in check mode."""

    host: str
    state: str  # applied, unchanged, pending
    steps: int
    changed: int

    def __str__(self) -> str:
        if self.state != "pending":
            return f"{self.host}: {self.state}"
        return f"{self.host}: {self.changed} change{'' if self.changed == 1 else 's'} pending"


@dataclass
class Progress:
    """What a step has done so far: the count, what it wrote and what had been there, both by path."""

    changed: int = 0
    written: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    begun: Action | None = None  # the action that is being done now


def perform(plan: Plan, shell: Shell, journal: Recorder, *, run: str, check: bool, drill: bool = False) -> Performed:
    """Carries out a plan on one host; with `check` the same, but what would be done is only counted.

    The steps of a `drill` are marked as such: they are taken back by it, and count as no change of the run.

    An action whose result is there already changes nothing and counts 0. A step that fails takes its own done
    half back and raises what it met, with what was taken back; steps before it stay, for `undo`.
    """
    changed = sum(_perform(step, shell, journal, run, check, drill) for step in plan)
    state = ("pending" if check else "applied") if changed else "unchanged"
    return Performed(shell.name, state, len(plan), changed)


def perform_there(shell: StrictShell, plan: Plan, run: str, check: bool) -> Performed:
    """As `perform`, told to the shell's own recorder: for a worker that speaks to the host for us, too."""
    return perform(plan, shell, shell.recorder, run=run, check=check)


def _perform(step: Step, shell: Shell, journal: Recorder, run: str, check: bool, drill: bool) -> int:
    _undo_can_be_written(step)
    own = step.to_dict() | ({"drill": True} if drill else {})
    begin = journal.begin("step", shell.name, **own, diff=step.diff, id=step.id, run=run, check=check)
    keeper = Keeper(run, begin)
    so_far = Progress()
    try:
        for action in step.do:
            so_far.begun = action
            _do(action, shell, keeper, check, so_far)
    except RunbookError as error:
        taken_back = check or _take_back(step, shell, keeper, so_far, error)
        if taken_back and not check:
            so_far = Progress()
        stopped = {"interrupted": True} if isinstance(error, Interrupted) else {}
        _end(journal, begin, "failed", so_far, error=str(error), taken_back=taken_back, **stopped)
        raise
    except BaseException as error:  # interrupted: `undo` takes it back, there is no time to do so now
        _end(journal, begin, "failed", so_far, error=type(error).__name__, taken_back=check)
        raise
    state = ("pending" if check else "applied") if so_far.changed else "unchanged"
    _end(journal, begin, state, so_far)
    return so_far.changed


def _do(action: Action, shell: Shell, keeper: Keeper, check: bool, so_far: Progress) -> None:
    if isinstance(action, Run):
        if not check:
            shell.run(Command(action.words, sudo=True, limit=action.limit, also=action.also))
        so_far.changed += 1
        return
    done = change(action, shell, keeper, look=check)  # type: ignore[arg-type]
    if not done.changed:
        return
    so_far.changed += 1
    if check:
        return
    so_far.kept.setdefault(action.path, done.was)
    if isinstance(action, Replace):
        so_far.written[action.path] = "" if action.secret else action.sha256
    elif isinstance(action, Place):
        so_far.written[action.path] = action.sha256
    else:
        gone = isinstance(action, (Remove, RemoveFolder))
        so_far.written[action.path] = "absent" if gone else "folder"


def _take_back(step: Step, shell: Shell, keeper: Keeper, so_far: Progress, error: RunbookError) -> bool:
    """Takes the done half back, says so in the error, and returns whether nothing of it is left."""
    if not so_far.changed and not isinstance(so_far.begun, Run):
        undo = tuple(action for action in step.undo if not isinstance(action, Run))
    else:
        undo = step.undo
    do = [action.to_dict() for action in step.do]
    half = Taken(keeper, do, undo, so_far.written, so_far.kept, half=True)
    try:
        outcome = take_back(half, shell)
        shell.run(tidy(keeper.run, keeper.step))
    except RunbookError as second:
        error.next = _and(error.next, f"`{step.why}` is half done, and not taken back: {second.what}")
        return False
    said = "what it had done was taken back" if outcome.changed else "it had changed nothing"
    if not step.undo and so_far.changed:
        said = "what it had done stays: it has no undo"
    error.next = _and(error.next, f"of `{step.why}`: " + "; ".join((said, *outcome.said_no)))
    return True


def _end(journal: Recorder, begin: int, state: str, so_far: Progress, **more: object) -> None:
    journal.end(begin, state=state, changed=so_far.changed, written=so_far.written, kept=so_far.kept, **more)


def _undo_can_be_written(step: Step) -> None:
    """An undo that holds a secret's text would be masked in the journal, and could not be had from there."""
    paths = [getattr(action, "path", "") for action in step.do]
    undo = [paths, [action.to_dict() for action in step.undo]]
    if to_json(undo, mask=KNOWN.mask) != to_json(undo):
        raise UsageError(
            KNOWN.mask(f"{step.why}: a path or its undo holds a secret's text, which no journal keeps"),
            next="where a secret of this site is a common word (a user's name, a path's part), change it",
        )


def _and(first: str, second: str) -> str:
    return f"{first}; {second}" if first else second
