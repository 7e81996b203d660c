"""The error tree: every error says what happened, where, and what to do next.

::

    RunbookError                    exit code 1
    ├── UsageError                  exit code 2: the call, the site or a parameter is wrong
    │   ├── SiteError               a site file
    │   ├── TargetError             a target file, or a target that nobody described
    │   └── ParameterError          a notebook's or the command line's parameter
    ├── Blocked                     exit code 3: a prerequisite is missing, nothing was changed
    │   ├── LockHeld                another run changes this host or writes this journal
    │   └── NotConfirmed            a protected site without its confirmation
    │       └── DoneAlready         a cell that succeeded there, run once more
    ├── JournalDamaged              a journal that does not hold, named at its line
    ├── Interrupted                 a command that was stopped, or not begun, since somebody interrupted the run
    ├── ChapterStopped              a verb after a failed one
    ├── ChapterFailed               a chapter whose verdicts do not all hold
    ├── BuildFailed                 a compiler's or a tool's own words
    ├── BinaryError                 a file that is no binary, or a damaged one
    ├── UndoRefused                 a file that is no longer what the run wrote
    └── RemoteError                 has `host`
        ├── Unreachable             no connection: unresolved, refused, timed out
        ├── HostKeyRefused          an unknown or a changed host key
        ├── LoginRefused            the host is there, the user or the key is not welcome
        ├── SudoRefused             `sudo -n` is not allowed
        ├── ConnectionLost          while a command ran: its fate is unknown
        ├── CommandFailed           an exit code that was not expected, or a signal
        ├── LeftOut                 not begun, or stopped, since another host failed first
        ├── LeaseUnknown            a lease that the host has not, or no more
        ├── Flooded                 a command that said more than is kept, and was stopped
        ├── CommandTimedOut         the limit passed, the command was stopped
        ├── WorkerLost              the process that spoke to it for us has died
        └── TransferFailed          what arrived is not what was sent
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

TAIL_LINES = 10


class RunbookError(Exception):
    """What happened, and in `next` what to do about it."""

    exit_code = 1

    def __init__(self, what: str, *, next: str = "", tail: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next = next
        self.tail = "\n".join(tail.splitlines()[-TAIL_LINES:])

    def __str__(self) -> str:
        lines = [self.what]
        lines += [f"    {line}" for line in self.tail.splitlines()]
        if self.next:
            lines.append(f"  next: {self.next}")
        return "\n".join(lines)

    def _render_traceback_(self) -> list[str]:
        """IPython asks for this: the error is written for people, the frames above it are not."""
        return [f"{type(self).__name__}: {line}" if number == 0 else line
                for number, line in enumerate(str(self).splitlines())]

    def __reduce__(self) -> tuple[object, ...]:
        return (_revive, (type(self), self.__dict__.copy()))


def _revive(kind: type[RunbookError], state: dict[str, object]) -> RunbookError:
    """Errors cross threads and processes whole, with whatever their subclass added."""
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (state["what"],)
    return error


def together(errors: Iterable[RunbookError]) -> RunbookError:
    """One error for those of several hosts: the first failure, else the first; what the others say is in its tail.

    A host that was left out since another failed is never the first: it is not what is to be mended.
    """
    first, *others = sorted(errors, key=lambda error: (isinstance(error, LeftOut),
                                                       error.exit_code != RunbookError.exit_code))
    if not others:
        return first
    whole = copy.copy(first)
    whole.tail = "\n".join([*first.tail.splitlines(), *(f"also {error.what}" for error in others)])
    return whole


class UsageError(RunbookError):
    """A call that cannot be carried out as it is."""

    exit_code = 2


class SiteError(UsageError):
    """A site file: what, file, line and key."""


class TargetError(UsageError):
    """A target file, or a target that no file describes."""


class ParameterError(UsageError):
    """A notebook's or the command line's parameter."""


class Blocked(RunbookError):
    """A prerequisite is missing; nothing was changed."""

    exit_code = 3


class LockHeld(Blocked):
    """Another run changes this host, or another process writes this journal."""


class NotConfirmed(Blocked):
    """A plan that changes a protected site, without its confirmation."""


class DoneAlready(NotConfirmed):
    """A cell that succeeded on a protected site, run once more; nothing is changed, and the chapter goes on."""


class JournalDamaged(RunbookError):
    """A journal that does not hold."""

    def __init__(self, what: str, *, line: int, next: str = "", tail: str = "") -> None:
        super().__init__(what, next=next, tail=tail)
        self.line = line


class Interrupted(RunbookError):
    """A command that was stopped, or not begun, since somebody interrupted the run."""


class ChapterStopped(RunbookError):
    """A verb that was called after an earlier one of the same notebook failed."""


class ChapterFailed(RunbookError):
    """A chapter whose verdicts do not all hold."""


class BuildFailed(RunbookError):
    """A compiler or a build tool said no; `tail` has its own words."""


class BinaryError(RunbookError):
    """A file that is no binary, or a damaged one."""


class UndoRefused(RunbookError):
    """A file is no longer what the run wrote; nothing was put back over it."""


class RemoteError(RunbookError):
    """Something about one host."""

    def __init__(self, host: str, what: str, *, next: str = "", tail: str = "") -> None:
        super().__init__(f"{host}: {what}", next=next, tail=tail)
        self.host = host


class Unreachable(RemoteError):
    """No connection: the name does not resolve, nobody listens, or nobody answers in time."""

    exit_code = 3


class HostKeyRefused(RemoteError):
    """The host shows a key that the site does not know, or another than the site knows."""

    exit_code = 3


class LoginRefused(RemoteError):
    """The host is there, but the user or the key is not welcome."""

    exit_code = 3


class SudoRefused(RemoteError):
    """`sudo -n` is not allowed for this command."""

    exit_code = 3


class ConnectionLost(RemoteError):
    """The connection was lost while a command ran; what became of the command is not known."""


class CommandFailed(RemoteError):
    """An exit code that was not expected, or a death by a signal."""

    def __init__(self, host: str, what: str, *, exit_code_seen: int, next: str = "", tail: str = "") -> None:
        super().__init__(host, what, next=next, tail=tail)
        self.exit_code_seen = exit_code_seen


class LeftOut(RemoteError):
    """A host that was not begun, or was stopped, since another one failed first and that was to stop the others."""

    exit_code = 3


class LeaseUnknown(RemoteError):
    """A lease that the host has not, or no more."""


class Flooded(RemoteError):
    """A command said more than is kept in memory; it was stopped on the host."""


class CommandTimedOut(RemoteError):
    """The limit passed; the command was stopped on the host."""


class WorkerLost(RemoteError):
    """The process that spoke to the host for us has died; what became of what it did there is not known."""


class TransferFailed(RemoteError):
    """What arrived is not what was sent, or it did not arrive at all; the old file is intact."""


def tell_interrupt(error: KeyboardInterrupt, verb: str) -> None:
    """Has IPython show the interrupt of a verb as it shows an error of the runbook: for people, without frames."""
    told = RunbookError(f"`{verb}` was interrupted: what it ran on the hosts was stopped, and they were let go",
                        next="run the cell again, or go on from Observe, which sees what was done; "
                             "`runbook status --hosts` asks the hosts what is left there")
    error._render_traceback_ = lambda: ["KeyboardInterrupt: " + str(told)]  # type: ignore[attr-defined]
