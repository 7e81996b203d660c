"""A build as a lease: begun, or gone on with where one of the same name runs, and followed to its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runbook.errors import CommandTimedOut
from runbook.remote.attach import attach
from runbook.remote.command import Command
from runbook.remote.lease import OWN_LEASES, Lease, begin, forget, stop
from runbook.remote.strict import StrictShell


def carried(shell: StrictShell, words: Command, *, name: str, log: Path,
            heard: Callable[[bytes], object] = lambda data: None) -> Lease:
    """How it ended; nothing of it is left on the host. Both its outputs are in `log`, and `heard` gets the first.

    The name is for whoever finds it there, and for the next process that wants the same. Raises CommandTimedOut where
    it came to its limit, CommandFailed where the host lost it, ConnectionLost where the host stays away: then it runs
    on, and the next who asks is attached to it.
    """
    lease = under_way(shell, name) or begin(shell, words, run=name)
    with log.open("wb") as file:
        def out(data: bytes) -> None:
            file.write(data)
            heard(data)
        try:
            ended = attach(shell, lease, out=out, err=file.write).lease
        except CommandTimedOut:
            forget(shell, lease)
            raise
    forget(shell, ended)
    return ended


def under_way(shell: StrictShell, name: str) -> Lease | None:
    """The one of that name that runs; one whose keeper was killed is stopped, since nobody would tell its end.

    What is left of those that ended when nobody looked is forgotten.
    """
    for lease in shell.ask(OWN_LEASES)[OWN_LEASES] or ():
        if lease.run != name:
            continue
        if lease.state == "running":
            return lease
        forget(shell, stop(shell, lease) if lease.runs else lease)
    return None
