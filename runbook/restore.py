"""A step's undo, carried out on its host: what the step wrote goes, what was there before comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runbook.action import Action, Remove, RemoveFolder, Restore, Run
from runbook.diff import unified
from runbook.errors import CommandFailed, CommandTimedOut, UndoRefused
from runbook.preimage import Keeper, change, put_back
from runbook.remote.command import Command, Script
from runbook.remote.secret import KNOWN
from runbook.remote.shell import Shell

SHOWN = 64 * 1024  # bytes; of longer files only the hashes are shown
PRESENT = Script('head -c "$2" <"$1"', (), sudo=True)
SHA256_LENGTH = 64  # as hex; anything else is a kind: absent, folder, link
BACKWARD = (Restore, Remove, RemoveFolder)


@dataclass(frozen=True)
class Taken:
    """What a step is, for taking it back; `half` where it did not come to its end.

    `written` and `kept` are by path as the journal has them: what the step wrote, and what had been there.
    """

    keeper: Keeper
    do: Sequence[Mapping[str, object]]  # as the journal has it: without the content of a secret
    undo: tuple[Action, ...]
    written: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    half: bool = False

    @property
    def own(self) -> frozenset[str]:
        """The paths that the step itself changes, and so has kept."""
        return frozenset(str(action["path"]) for action in self.do if "path" in action)

    def wrote_a_secret(self, path: str) -> bool:
        return any(action.get("path") == path and "secret" in action for action in self.do)

    def text_of(self, path: str) -> str | None:
        """What the step wrote there last, where it was text that may be shown."""
        return next((str(action["content"]) for action in reversed(self.do)
                     if action.get("path") == path and "content" in action), None)


@dataclass(frozen=True)
class Outcome:
    """How many things were put back or run, and what of a half-done step's commands said no."""

    changed: int
    said_no: tuple[str, ...] = ()


def take_back(step: Taken, shell: Shell) -> Outcome:
    """Carries out the step's undo; nothing of it where a file is no longer what the step wrote.

    Of a half-done step what was not reached is left alone, and a command may say no: what it stops may never
    have been started. Raises UndoRefused, and what the shell raises.
    """
    _nothing_in_the_way(step, shell)
    changed, said_no = 0, []
    for action in step.undo:
        if isinstance(action, Run):
            try:
                shell.run(Command(action.words, sudo=True, limit=action.limit, also=action.also))
                changed += 1
            except (CommandFailed, CommandTimedOut) as error:
                if not step.half:
                    raise
                said_no.append(error.what)
        elif isinstance(action, BACKWARD) and (isinstance(action, Restore) or action.path in step.own):
            changed += _put_back(step, action.path, shell)
        else:
            changed += change(action, shell, None, look=False).changed  # type: ignore[arg-type]
    return Outcome(changed, tuple(said_no))


def _nothing_in_the_way(step: Taken, shell: Shell) -> None:
    for action in step.undo:
        if isinstance(action, BACKWARD) and (isinstance(action, Restore) or action.path in step.own):
            _put_back(step, action.path, shell, look=True)


def _put_back(step: Taken, path: str, shell: Shell, *, look: bool = False) -> bool:
    hush = step.wrote_a_secret(path)
    written, kept = step.written.get(path, ""), step.kept.get(path, "")
    back = put_back(path, shell, step.keeper, written=written, kept=kept, hush=hush, look=look)
    if back.word == "refused":
        raise _refused(step, path, shell, back.have, back.expected, hush)
    if back.word == "nothing" and path in step.written and not step.half:
        raise UndoRefused(f"{shell.name}: {path}: what was there before is no longer kept on the host",
                          next=f"put it back by hand; it was {kept or 'not told'}")
    return back.word == "restored"


def _refused(step: Taken, path: str, shell: Shell, have: str, expected: str, hush: bool) -> UndoRefused:
    if hush and not expected:
        how = "its content is a secret, so neither version is shown"
    else:
        how = f"it is {have or 'nothing'} and was {expected}"
    error = UndoRefused(
        KNOWN.mask(f"{shell.name}: {path} is no longer what the run wrote: {how}"),
        next="make it what the run wrote, or settle it by hand; then undo again",
    )
    wrote = step.text_of(path)
    if wrote is None or hush or len(have) != SHA256_LENGTH:
        return error
    now = shell.run(PRESENT.command(path, str(SHOWN + 1))).stdout
    if len(now) <= SHOWN and len(wrote) <= SHOWN and b"\0" not in now:
        text = now.decode("utf-8", "replace")
        diff = unified(wrote, text, before=f"{path} as the run wrote it", after=f"{path} now")
        error.tail = KNOWN.mask(diff)  # all of it: it is what the person has to judge
    return error
