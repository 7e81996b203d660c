"""A lease: a long command that a host keeps running, whatever becomes of the connection and of this process."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from runbook.errors import CommandFailed, Interrupted, LeaseUnknown, LockHeld
from runbook.remote import lease_scripts as scripts
from runbook.remote.command import Command, Script
from runbook.remote.line import seconds
from runbook.remote.question import Question
from runbook.remote.secret import KNOWN
from runbook.remote.strict import StrictShell

LOOSE = ("running", "unwatched")
"""The states in which something of a lease runs; `unwatched`: the process that would note its end was killed."""

TRIES = 3


@dataclass(frozen=True)
class Lease:
    """A lease as its host knows it. Times are in seconds since 1970 by the host's clock, outputs in bytes."""

    id: str
    run: str
    line: str                             # the command, quoted
    limit: float                          # seconds
    sudo: bool
    state: str                            # running, unwatched, ended, rebooted, lost
    exit_code: int | None = None          # as the shell tells it: 128 and the signal's number for a death by signal
    why: str = ""                         # it ended: `end` of itself, `limit`, `stop`
    started: int | None = None
    ended: int | None = None
    out: int = 0
    err: int = 0
    unit: str = ""                        # the scope of the host's systemd that it is in

    @property
    def runs(self) -> bool:
        return self.state in LOOSE

    @property
    def ok(self) -> bool:
        return self.exit_code == 0 and self.why == "end"

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.started, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if self.started else "?"
        where = f", in {self.unit}" if self.unit else ""
        return f"{self.id} of {self.run}, {self.how()}, since {since}{where}: {self.line}"

    def how(self) -> str:
        """Its state in a few words."""
        if self.state == "unwatched":
            return "runs, but nobody waits for its end"
        if self.state == "rebooted":
            return "gone with a reboot of the host"
        if self.state == "lost":
            return "gone without an exit code: it was killed together with its keeper"
        if self.state == "running":
            return "running"
        return {"limit": f"stopped at its limit of {self.limit:g} s", "stop": "stopped"}.get(
            self.why, f"ended with exit {self.exit_code}")

    def breaking(self) -> str:
        """The line for the host's own shell that stops it."""
        if self.sudo:
            return f"""sudo sh -c 'kill -- -"$(cut -d" " -f1 {scripts.ROOTS}/{self.id}/group)"'"""
        return f"""kill -- -"$(cut -d' ' -f1 ~/{scripts.OWN}/{self.id}/group)\""""


def parse_leases(text: str) -> tuple[Lease, ...]:
    """Two lines a lease: its id with its state, and what was noted when it began."""
    lines = iter(text.splitlines())
    return tuple(_lease(*told.split(" ", 1), next(lines)) for told in lines)


def _lease(id: str, told: str, about: str) -> Lease:
    state, code, why, started, ended, out, err, unit = told.split()
    noted = json.loads(about)
    return Lease(id, noted["run"], noted["line"], noted["limit"], noted["sudo"], state,
                 None if code == "-" else int(code), "" if why == "-" else why, _number(started), _number(ended),
                 int(out), int(err), "" if unit == "-" else unit)


def _number(word: str) -> int | None:
    return None if word == "-" else int(word)


LEASES = Question(replace(scripts.LIST, sudo=True), parse_leases, "leases")
OWN_LEASES = Question(scripts.LIST, parse_leases, "own leases")
"""Root's, and those of the user who logs in."""


def leases(shell: StrictShell) -> tuple[Lease, ...]:
    """Every lease on the host, root's first; those that have ended too, until they are forgotten.

    Raises the errors of a host.
    """
    answers = shell.ask(LEASES, OWN_LEASES)
    found = {lease.id: lease for lease in (*(answers[LEASES] or ()), *(answers[OWN_LEASES] or ()))}
    return tuple(found.values())


def begin(shell: StrictShell, command: Command, *, run: str) -> Lease:
    """Begins a command that goes on by itself; the run's name is for whoever finds it there.

    Its standard input is empty, its limit is watched by the host, and the exit codes that it may have are asked
    for when it has ended. Where the shell has `lease_units` and the host's systemd gives it one, it is in a scope: a
    stop, or its limit, ends whatever it began. Raises ValueError for a command with standard input, and the errors of
    `run`.
    """
    if command.stdin is not None:
        raise ValueError("a lease has no standard input: bring it as a file")
    lease = Lease(secrets.token_hex(6), run, KNOWN.mask(command.line()), command.limit, command.sudo, "lost")
    about = json.dumps({"run": run, "line": lease.line, "limit": command.limit, "sudo": command.sudo})
    words = ("sh", "-c", scripts.BEGIN.text, "sh", lease.id, about, seconds(command.limit), scripts.KEEP,
             _unit(shell, command))
    with stopped_on_interrupt(shell, lease):
        told = shell.run(Command((*words, *command.words), sudo=command.sudo, limit=30.0)).text
    return _lease(lease.id, told, about)


def _unit(shell: StrictShell, command: Command) -> str:
    """What BEGIN hears of a unit: none is wanted, or by which help it is asked for."""
    if not shell.lease_units:
        return "none"
    return "with sudo -n" if shell.uses_sudo and not command.sudo else "with"


def look(shell: StrictShell, lease: Lease) -> tuple[Lease, tuple[str, ...]]:
    """The lease as it is now, and the SHA-256 of both its outputs. Raises LeaseUnknown and the errors of `run`."""
    about, told, *sums = _ask(shell, scripts.LOOK, lease).splitlines()
    return _lease(lease.id, told, about), tuple(one.split()[0] for one in sums)


def stop(shell: StrictShell, lease: Lease) -> Lease:
    """Ends its whole process group: SIGTERM, five seconds, SIGKILL; harmless where it has ended.

    Raises LeaseUnknown and the errors of `run`.
    """
    _ask(shell, scripts.STOP, lease)
    return look(shell, lease)[0]


@contextmanager
def stopped_on_interrupt(shell: StrictShell, lease: Lease) -> Iterator[None]:
    """Stops the lease where the run is interrupted meanwhile; a host that is away keeps it until its limit."""
    try:
        yield
    except (KeyboardInterrupt, Interrupted):
        words = ("sh", "-c", scripts.STOP.text, "sh", lease.id)
        for _ in range(TRIES):  # the first may meet a connection that the interrupt broke off in the middle
            if shell.tell(words, sudo=lease.sudo and shell.uses_sudo):
                break
        raise


def forget(shell: StrictShell, lease: Lease) -> None:
    """Removes what an ended lease left on the host. Raises LockHeld where it runs, and as `stop` does."""
    if _ask(shell, scripts.FORGET, lease, also={scripts.BUSY: "it runs"}) is None:
        raise LockHeld(f"{shell.name}: the lease {lease.id} still runs", next="stop it first, or wait for it")


def _ask(shell: StrictShell, script: Script, lease: Lease, also: dict[int, str] | None = None) -> str | None:
    """What a script says about one lease; None for an exit code that was expected. Raises LeaseUnknown."""
    asked = replace(script, sudo=lease.sudo, also=also or {}).command(lease.id)
    try:
        result = shell.run(asked)
    except CommandFailed as error:
        if error.exit_code_seen == scripts.UNKNOWN:
            raise LeaseUnknown(shell.name, f"no lease {lease.id} is there",
                               next="`runbook status --hosts` shows those that are") from error
        raise
    return None if result.exit_code else result.text


def pieces_of(stdout: bytes) -> Iterator[bytes]:
    """The two outputs that READ sent behind its first line, each after its length."""
    rest = stdout
    for _ in range(2):
        length, _, rest = rest.partition(b"\n")
        yield rest[:int(length)]
        rest = rest[int(length):]
