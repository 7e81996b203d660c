"""What the command line calls for a porting audit; it asks no host and belongs to no run."""

from __future__ import annotations

from pathlib import Path

from runbook.chapters.portaudit.apply import apply
from runbook.chapters.portaudit.audit import audit
from runbook.chapters.toolchain.observe import find_go
from runbook.remote.local import LocalShell
from runbook.remote.unrecorded import Unrecorded
from runbook.site import ROOT, load_site
from runbook.targets import load_target

REHEARSAL = ROOT / "sites" / "testbed.toml"
CLEAN, WORK = 0, 1


def port_audit(folder: str, target: str, *, site: str = "", packages: tuple[str, ...] = (), into: str = "",
               as_json: bool = False) -> tuple[int, str]:
    """The exit code, 1 where something is left to do, and what is to be printed.

    Raises SiteError, TargetError, UsageError, and Blocked where Go is missing or does not know the target.
    """
    wanted, shell = load_target(target), LocalShell(Unrecorded())
    try:
        go = find_go(load_site(site or REHEARSAL), shell)
        seen = audit(Path(folder).resolve(), go, wanted, shell, patterns=packages)
        if into and not seen.ok:
            ported = apply(seen, go, wanted, shell, Path(into).resolve(), patterns=packages)
            return WORK if not ported.after.ok else CLEAN, ported.after.to_json() if as_json else str(ported)
        return CLEAN if seen.ok else WORK, seen.to_json() if as_json else str(seen)
    finally:
        shell.close()
