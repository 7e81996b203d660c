"""Attached to a lease: its output from the start, over as many connections as it takes, until it has ended."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace

from runbook.errors import (
    CommandFailed,
    CommandTimedOut,
    ConnectionLost,
    RemoteError,
    RunbookError,
    Unreachable,
)
from runbook.remote import lease_scripts as scripts
from runbook.remote.command import Command
from runbook.remote.lease import Lease, begin, look, pieces_of, stopped_on_interrupt
from runbook.remote.line import Sink
from runbook.remote.outcome import judge, result_of
from runbook.remote.strict import StrictShell

AT_ONCE = 4 << 20
"""Bytes of one output read in one go."""

WAIT_TENTHS = 50
"""Tenths of a second that the host waits for more output before it answers that there is none."""

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between two tries to reach a host again: doubled each time."""


@dataclass(frozen=True)
class Attached:
    """How a lease ended, and what was read of it: bytes of each output, and connections lost meanwhile."""

    host: str
    lease: Lease
    out: int
    err: int
    lost: int

    def __str__(self) -> str:
        return f"{self.host}: {self.lease.how()}, {self.out} bytes of output: {self.lease.line}"


def attach(shell: StrictShell, lease: Lease, *, out: Sink, err: Sink, patience: float = 60.0,
           keep_on_interrupt: bool = False) -> Attached:
    """Reads a lease from its start, by whoever began it, until it has ended; what was read is verified by SHA-256.

    A lost connection is opened again; a host that is away for longer than `patience` seconds raises ConnectionLost,
    and the lease runs on. So it does on an interrupt with `keep_on_interrupt`; else it is stopped then. Raises
    LeaseUnknown, CommandTimedOut where it came to its limit, CommandFailed where the host lost it.
    """
    read, sums, lost = [0, 0], (hashlib.sha256(), hashlib.sha256()), 0
    away: float | None = None             # since when nothing was heard of the host
    pause = FIRST_PAUSE
    with nullcontext() if keep_on_interrupt else stopped_on_interrupt(shell, lease):
        while True:
            try:
                told, *pieces = _read(shell, lease, read)
            except (ConnectionLost, Unreachable) as error:
                away, lost = away or time.monotonic(), lost + 1
                if time.monotonic() - away > patience:
                    raise _left(shell, lease, error) from error
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            away, pause = None, FIRST_PAUSE
            for index, (piece, take) in enumerate(zip(pieces, (out, err), strict=True)):
                read[index] += len(piece)
                sums[index].update(piece)
                if piece:
                    take(piece)
            if told.split()[0] != "running" and not any(pieces):
                break
    now, there = look(shell, lease)
    if there and there != tuple(one.hexdigest() for one in sums):
        raise CommandFailed(shell.name, f"the output of the lease {lease.id} is not what was read of it",
                            exit_code_seen=0, next="did the command truncate its own output? attach again")
    if now.why == "limit":
        raise CommandTimedOut(shell.name, f"{now.line}: no end within {now.limit:g} s; it was stopped",
                              next=f"see what it waits for on {shell.name}, or give it a longer limit")
    if now.exit_code is None:
        raise CommandFailed(shell.name, f"{now.line}: {now.how()}", exit_code_seen=-1,
                            next=f"see `last reboot` and `dmesg | tail` on {shell.name}, then begin it again")
    return Attached(shell.name, now, read[0], read[1], lost)


def carry(shell: StrictShell, command: Command, *, run: str, out: Sink, err: Sink, patience: float = 60.0,
          begun: Callable[[Lease], object] = lambda lease: None) -> Attached:
    """Begins a lease and stays with it to its end; `begun` is told of it first. Raises as both do, and CommandFailed
    for an exit code that was not expected."""
    lease = begin(shell, command, run=run)
    with stopped_on_interrupt(shell, lease):
        begun(lease)
    attached = attach(shell, lease, out=out, err=err, patience=patience)
    code = attached.lease.exit_code or 0
    if code and code not in command.also:
        raise CommandFailed(shell.name, f"{lease.line}: {attached.lease.how()}", exit_code_seen=code,
                            next=f"its output is in the lease {lease.id} on {shell.name}")
    return attached


def _read(shell: StrictShell, lease: Lease, read: list[int]) -> tuple[str, bytes, bytes]:
    """The state and what is new of both outputs. Raises ConnectionLost where the answer was cut off."""
    asked = replace(scripts.READ, sudo=lease.sudo).command(
        lease.id, *map(str, read), str(WAIT_TENTHS), str(AT_ONCE))
    ended = shell.carry_out(asked)
    result = result_of(shell.name, asked, ended)
    error: RunbookError | None = judge(result, ended, user=shell.user)
    if isinstance(error, CommandFailed) and error.exit_code_seen == scripts.UNKNOWN:
        look(shell, lease)  # which raises what there is to say
    if error is not None:
        raise error
    told, _, rest = ended.stdout.partition(b"\n")
    out, err = pieces_of(rest)
    return told.decode(), out, err


def _left(shell: StrictShell, lease: Lease, error: RemoteError) -> ConnectionLost:
    return ConnectionLost(
        shell.name, f"the host is away, and the lease {lease.id} with it: {error.what}",
        next=f"it runs on, to its limit of {lease.limit:g} s; attach to it again, `runbook status --hosts` shows it")
