"""A site's hosts as they are: who holds their lock, which leases they have, what has drifted, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from runbook.entries import Entry, entries
from runbook.errors import RunbookError
from runbook.remote.fleet import Fleet
from runbook.remote.lease import Lease, leases
from runbook.remote.lock import LOCK, LOCK_FILE, Lock
from runbook.remote.question import Unanswered
from runbook.remote.strict import StrictShell
from runbook.remote.unrecorded import Unrecorded
from runbook.report.drift import Drifted, Written, left_behind, question_about
from runbook.run import reports, site_of
from runbook.site import Site

Drift = tuple[Drifted, ...] | Unanswered
Asked = tuple[Lock | Unanswered | None, tuple[Lease, ...], Drift]


def hosts_text(site: Site) -> str:
    """Every host in the site's order; one that cannot be asked says why, and hides no other.

    Drift is told of what all runs of the site have written, as far as their journals are here.
    """
    left = left_behind(_runs_of(site.name))
    with Fleet.open(site, recorder=Unrecorded(), here=True) as fleet:
        asked = fleet.each(lambda shell: _asked(shell, left))
    lines = []
    for host in asked:
        found = asked.by_host[host]
        if isinstance(found, RunbookError):
            lines.append(str(found))
        else:
            told = _lines(*found, count=len(left.get(host, ())))
            lines += [f"{host}: {line}" if number == 0 else f"  {line}" for number, line in enumerate(told)]
    return "\n".join(lines)


def _runs_of(site: str) -> Iterator[tuple[str, tuple[Entry, ...]]]:
    """The runs of a site with what they tell, oldest first; a damaged journal says nothing here."""
    for journal in sorted(reports().glob("*/journal.jsonl")):
        if not journal.parent.is_symlink() and site_of(journal.parent) == site:
            with suppress(RunbookError):
                yield journal.parent.name, entries(journal)


def _asked(shell: StrictShell, left: Mapping[str, tuple[Written, ...]]) -> Asked:
    written = left.get(shell.name, ())
    if not written:
        return shell.ask(LOCK)[LOCK], leases(shell), ()
    drift = question_about(written)
    answers = shell.ask(LOCK, drift)
    return answers[LOCK], leases(shell), answers[drift]


def _lines(lock: Lock | Unanswered | None, held: tuple[Lease, ...], drift: Drift, *, count: int) -> Iterator[str]:
    if isinstance(lock, Unanswered):
        yield str(lock)
    else:
        yield f"locked by {lock}" if lock else "no lock"
        if lock and not lock.expired:
            yield f"  to break it, when that run is known to be dead: sudo rm {LOCK_FILE}"
    for lease in held:
        yield f"lease {lease}"
        if lease.runs:
            yield f"  to stop it: {lease.breaking()}"
    if isinstance(drift, Unanswered):
        yield str(drift)
        return
    for one in drift:
        yield f"drift {one}"
    if drift:
        yield "  `runbook run --check` shows each difference, `runbook run` puts it right; `runbook undo` leaves these"
    elif count:
        yield f"no drift: {count} path{'s' * (count > 1)} as runs left {'them' if count > 1 else 'it'}"
