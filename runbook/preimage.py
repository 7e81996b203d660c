"""Pre-images: what was on a host before a step is kept there for root alone, and put back from there."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from runbook.action import Folder, Place, Remove, RemoveFolder, Replace
from runbook.errors import CommandFailed, RunbookError, UsageError
from runbook.preimage_scripts import BACK, FILE, FOLDER, GONE, STEPS, TIDY
from runbook.remote.command import Command
from runbook.remote.secret import KNOWN
from runbook.remote.shell import Shell
from runbook.remote.source import Source

KEPT = "/var/lib/runbook"  # beside the lock; root 0700
RUN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
NOWHERE = ""  # the entry of an action whose pre-image nobody will want
OURS = "runbook: "  # what a script of ours says before it stops
HUSH = "-"  # told to a script so that it says no hash: that of a short secret could be guessed


@dataclass(frozen=True)
class Keeper:
    """Where a step's pre-images are on a host: by the run, and the step's number in the journal."""

    run: str
    step: int

    def __post_init__(self) -> None:
        if not RUN_NAME.fullmatch(self.run):
            raise UsageError(f"{self.run!r} is no name for a run", next="use letters, digits, . _ and -")

    def entry(self, path: str) -> str:
        """The folder of one path's pre-image."""
        return f"{KEPT}/{self.run}/{self.step}/{hashlib.sha256(path.encode()).hexdigest()[:32]}"


@dataclass(frozen=True)
class Done:
    """What became of one action on a path: whether it changed anything, and what had been there."""

    changed: bool
    was: str = ""


@dataclass(frozen=True)
class Back:
    """What became of a pre-image: nothing (none was kept), already, ready, restored, or refused.

    Where it is refused, `have` is what is there and `expected` what the step wrote: a SHA-256, or a kind.
    """

    word: str
    have: str = ""
    expected: str = ""


def change(action: Replace | Place | Folder | Remove | RemoveFolder, shell: Shell, keeper: Keeper | None, *,
           look: bool) -> Done:
    """Does one action, its pre-image kept before; with `look` only says whether it would change anything.

    A Replace is one round trip, a Place one and the transfer. Raises what the shell raises.
    """
    entry = keeper.entry(action.path) if keeper else NOWHERE
    how = "look" if look else "keep" if isinstance(action, Place) else "do"
    words = (action.path, entry, how)
    if isinstance(action, (Remove, RemoveFolder)):
        asked = GONE.command(*words, "folder" if isinstance(action, RemoveFolder) else "file")
    elif isinstance(action, Folder):
        asked = FOLDER.command(*words, f"{action.mode:o}", action.owner)
    else:
        # By standard input, since arguments can be seen by every user of the host: the hash of a secret too.
        content = action.data if isinstance(action, Replace) and not look else b""
        hush = HUSH if isinstance(action, Replace) and action.secret else ""
        asked = FILE.command(*words, f"{action.mode:o}", action.owner, hush,
                             stdin=action.sha256.encode() + b"\n" + content)
    word, *rest = _said(shell, asked, str(action))
    if word in ("same", "differs"):
        return Done(word == "differs")
    if isinstance(action, Place):
        shell.put(_verified(action), action.path, mode=action.mode, owner=action.owner, sudo=True)
    return Done(True, rest[0] if rest else "")


def put_back(path: str, shell: Shell, keeper: Keeper, *, written: str = "", kept: str = "",
             hush: bool = False, look: bool = False) -> Back:
    """Puts back what was kept of a path, where what is there now is what the step wrote.

    `written` is the SHA-256 that the journal has, `kept` the pre-image's line there; empty ones are taken
    from the host. With `look` nothing is touched, with `hush` no hash is told.
    """
    how = "look" if look else "do"
    asked = BACK.command(path, keeper.entry(path), how, written, kept, HUSH if hush else "")
    word, *rest = _said(shell, asked, f"restore {path}")
    return Back(word, *rest[:2])


def steps_kept(shell: Shell, run: str) -> frozenset[int]:
    """The steps of a run with pre-images on the host."""
    return frozenset(int(name) for name in shell.run(STEPS.command(KEPT, run)).text.split() if name.isdigit())


def tidy(run: str, *steps: int) -> Command:
    """Removes the pre-images of steps, then the run's folder and the one above it where they are empty."""
    return TIDY.command(KEPT, Keeper(run, 0).run, *map(str, steps))


def _said(shell: Shell, asked: Command, what: str) -> list[str]:
    """The lines that a script of ours says; where it stops, its own words are the error, not its text."""
    try:
        return shell.run(asked).text.splitlines()
    except CommandFailed as error:
        said = [line.removeprefix(OURS) for line in error.tail.splitlines() if line.startswith(OURS)]
        if not said:
            raise
        raise CommandFailed(error.host, KNOWN.mask(f"{what}: {said[-1]}"), next=error.next, tail=error.tail,
                            exit_code_seen=error.exit_code_seen) from error


def _verified(action: Place) -> Source:
    """What is to be placed, read once for all hosts that get it."""
    try:
        source = Source.once(action.source)
    except OSError as error:
        raise RunbookError(f"{action.source}: {error.strerror}",
                           next="run the chapter that makes it again") from error
    if source.sha256 != action.sha256:
        raise RunbookError(f"{action.source}: its SHA-256 is {source.sha256}, and {action.sha256} was planned",
                           next="run the chapter that makes it, then decide again")
    return source
