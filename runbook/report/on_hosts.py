"""What a site's hosts say of themselves: who holds their lock, which leases they have, and how to break either."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.errors import RunbookError
from runbook.remote.fleet import Fleet
from runbook.remote.lease import Lease, leases
from runbook.remote.lock import LOCK, LOCK_FILE, Lock
from runbook.remote.question import Unanswered
from runbook.remote.strict import StrictShell
from runbook.remote.unrecorded import Unrecorded
from runbook.site import Site


def hosts_text(site: Site) -> str:
    """Every host in the site's order; one that cannot be asked says why, and hides no other."""
    with Fleet.open(site, recorder=Unrecorded()) as fleet:
        asked = fleet.each(_asked)
    lines = []
    for host in asked:
        found = asked.by_host[host]
        if isinstance(found, RunbookError):
            lines.append(str(found))
        else:
            lines += [f"{host}: {line}" if number == 0 else f"  {line}" for number, line in enumerate(_lines(*found))]
    return "\n".join(lines)


def _asked(shell: StrictShell) -> tuple[Lock | Unanswered | None, tuple[Lease, ...]]:
    return shell.ask(LOCK)[LOCK], leases(shell)


def _lines(lock: Lock | Unanswered | None, held: tuple[Lease, ...]) -> Iterator[str]:
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
