"""What came of a command, in words: which error it is, where, with its last lines, and what to do next."""

from __future__ import annotations

import signal

from runbook.errors import (
    CommandFailed,
    CommandTimedOut,
    ConnectionLost,
    Interrupted,
    RemoteError,
    RunbookError,
    SudoRefused,
)
from runbook.remote.command import Command, Result
from runbook.remote.exchange import UNNAMED_SIGNAL
from runbook.remote.running import Ended

LOST = 255
"""The exit code that a result shows where none is known; ssh(1) does the same."""

NOT_FOUND = 127  # POSIX, Shell Command Language, 2.8.2
KILLED_BY_KERNEL = -9  # SIGKILL: of those who send it, the OOM killer is the one that nobody asked


def result_of(host: str, command: Command, ended: Ended) -> Result:
    """The result as people and the journal see it."""
    code = LOST if ended.exit_code is None else ended.exit_code
    return Result(host, command, code, ended.stdout, ended.stderr, ended.seconds)


def judge(result: Result, ended: Ended, *, user: str) -> RunbookError | None:
    """None where the exit code is 0 or one that was expected."""
    host, command, took = result.host, result.command, f"after {result.seconds:.1f} s"
    tail = result.tail()
    if ended.interrupted:
        return Interrupted(f"{host}: {command}: stopped {took}, the run was interrupted", tail=tail,
                           next="run the chapter again")
    if ended.late:
        what = f"{command}: no end within {command.limit:g} s"
        return CommandTimedOut(
            host, f"{what}; {'it was stopped' if ended.stopped else 'whether it still runs is not known'}",
            next=f"see what it waits for on {host}, or give it a longer limit", tail=tail)
    if ended.exit_code is None:
        return ConnectionLost(
            host, f"{command}: the connection was lost {took}; what became of the command is not known",
            next=f"is {host} up? look there whether it still runs, then run the chapter again", tail=tail)
    if not ended.begun and ended.exit_code != 0:
        return _not_begun(result, user)
    if result.ok:
        return None
    return CommandFailed(host, f"{command}: {_died(result.exit_code)} {took}{_expected(command)}",
                         exit_code_seen=result.exit_code, next=_next(result), tail=tail)


def _not_begun(result: Result, user: str) -> RemoteError:
    if result.command.sudo:
        return SudoRefused(
            result.host, f"{user} may not `sudo -n` there: {result.command}",
            next=f"as root on {result.host}: echo '{user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{user} "
                 f"&& chmod 440 /etc/sudoers.d/{user}", tail=result.tail())
    return CommandFailed(
        result.host, f"{result.command}: the login shell of {user} did not begin it ({_died(result.exit_code)})",
        exit_code_seen=result.exit_code, tail=result.tail(),
        next=f"{user} needs a POSIX login shell on {result.host}: `getent passwd {user}`")


def _died(exit_code: int) -> str:
    if exit_code >= 0:
        return f"exit {exit_code}"
    if exit_code == UNNAMED_SIGNAL:
        return "killed by a signal that SSH has no name for, such as BUS, SYS or TRAP"
    return f"killed by signal {-exit_code} ({signal.Signals(-exit_code).name})"


def _expected(command: Command) -> str:
    codes = ", ".join(["0", *(f"{code} ({why})" for code, why in command.also.items())])
    return f" (expected {codes})"


def _next(result: Result) -> str:
    if result.exit_code == NOT_FOUND:
        return f"is {result.command.words[0]} installed on {result.host}, and in the PATH of `ssh {result.host} env`?"
    if result.exit_code == KILLED_BY_KERNEL:
        return f"out of memory? `dmesg | tail` on {result.host}"
    return f"the whole output is in the run's logs/{result.host}.log"
