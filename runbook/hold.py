"""The hosts that a run may change now: locked for it, told to its journal, and let go of whatever becomes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runbook.entries import Entry, spans
from runbook.errors import Blocked, RunbookError
from runbook.journal import Journal
from runbook.remote import lock
from runbook.remote.fleet import Fleet
from runbook.remote.shell import Shell
from runbook.site import Site

LOCK_SECONDS = 15 * 60  # renewed at each act; a chapter's longest single act stays well below
TAKEN, LET_GO = "taken", "let go"


class Hold:
    """The locks that one chapter has on its hosts, for its run."""

    def __init__(self, run: str, owner: str, fleet: Fleet, journal: Journal) -> None:
        self._run = run
        self._owner = owner
        self._fleet = fleet
        self._journal = journal
        self._locked: set[str] = set()

    def take(self, hosts: Sequence[str]) -> None:
        """Locks the hosts, or renews their locks. Raises LockHeld and the errors of a host."""
        self._fleet.only(*hosts).each(self._take).values()

    def let_go(self) -> None:
        """Releases what was taken; a host that went away keeps its lock until it expires."""
        if self._locked:
            self._fleet.only(*sorted(self._locked)).each(self._release)
        self._locked.clear()

    def _take(self, shell: Shell) -> None:
        # Noted before it is asked for: where the answer never comes, nobody knows whether the host has the lock.
        if shell.name not in self._locked:
            self._journal.write("note", shell.name, about="lock", text=TAKEN)
            self._locked.add(shell.name)
        try:
            lock.take(shell, self._run, self._owner, LOCK_SECONDS)
        except RunbookError as error:
            if error.exit_code == Blocked.exit_code:  # nothing was changed there
                self._locked.discard(shell.name)
                self._journal.write("note", shell.name, about="lock", text=LET_GO)
            raise

    def _release(self, shell: Shell) -> None:
        release(shell, self._run, self._journal)


def release(shell: Shell, run: str, journal: Journal) -> None:
    """Lets go of a host and tells the journal. Raises the errors of the host."""
    lock.release(shell, run)
    journal.write("note", shell.name, about="lock", text=LET_GO)


def left(entries: Iterable[Entry]) -> tuple[str, ...]:
    """The hosts whose lock a run took and did not let go of, where no command of it may still be running.

    A host on which one may run keeps its lock until that expires: nobody else should change it meanwhile.
    """
    told = tuple(entries)
    last = {one.host: one.get("text") for one in told if one.kind == "note" and one.get("about") == "lock"}
    busy = {span.begin.host for span in spans(told, "command", "transfer") if span.open}
    return tuple(host for host, text in last.items() if host and text == TAKEN and host not in busy)


def let_go_of_left(site: Site, run: str, journal: Journal) -> None:
    """Releases what a notebook that was killed, or stopped between two cells, could not release itself."""
    hosts = left(journal.entries())
    if hosts:
        with Fleet.open(site, hosts=hosts, recorder=journal) as fleet:
            fleet.each(lambda shell: release(shell, run, journal))
