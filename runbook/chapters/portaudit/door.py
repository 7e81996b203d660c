"""What the command line calls for a porting audit; it belongs to no run, and asks a host only for the proof."""

from __future__ import annotations

import json
from pathlib import Path

from runbook.chapters.compile.modules import modfile_for
from runbook.chapters.hosts.system import UNAME
from runbook.chapters.portaudit.apply import Ported, apply
from runbook.chapters.portaudit.audit import Audit, audit
from runbook.chapters.portaudit.audits import KEPT
from runbook.chapters.portaudit.older import older_file
from runbook.chapters.portaudit.prove import Proof, prove
from runbook.chapters.toolchain.observe import Go, find_go
from runbook.errors import UsageError
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.remote.unrecorded import Unrecorded
from runbook.run import reports
from runbook.site import ROOT, Site, load_site
from runbook.targets import Target, load_target

REHEARSAL = ROOT / "sites" / "testbed.toml"
CLEAN, WORK = 0, 1


def port_audit(folder: str, target: str, *, site: str = "", packages: tuple[str, ...] = (), tags: str = "",
               into: str = "", on: str = "", keep: bool = False, as_json: bool = False) -> tuple[int, str]:
    """The exit code, 1 where something is left to do, and what is to be printed. `tags` are Go's build tags, with
    commas; `on` is a host that proves a port;
    `keep` lets the compatibility matrix know the audit, the one before a port.

    Raises SiteError, TargetError, UsageError, Blocked where Go is missing or does not know the target, and the errors
    of the host.
    """
    if on and not into:
        raise UsageError("--on without --apply: only what was mended is proven", next="add --apply FOLDER")
    wanted, shell, of = load_target(target), LocalShell(Unrecorded()), load_site(site or REHEARSAL)
    if on:
        of.host(on)
    try:
        go = find_go(of, shell)
        module = Path(folder).resolve()
        instead = None if into or not (module / "go.mod").is_file() else modfile_for(module, go, of.toolchain.modules)
        flags = (f"-tags={tags}",) if tags else ()
        seen = audit(module, go, wanted, shell, patterns=packages, modfile=instead, flags=flags)
        if keep:
            file = reports() / KEPT / f"{seen.folder.name}-{seen.target}-go{go.version}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(seen.to_json() + "\n", "utf-8")
        if not into or seen.ok:
            told = seen.to_json() if as_json else "\n".join(filter(None, (str(seen), proposed(seen, go))))
            return CLEAN if seen.ok else WORK, told
        ported = apply(seen, go, wanted, shell, Path(into).resolve(), patterns=packages, flags=flags)
        proofs = _proven(ported, go, wanted, shell, of, on) if on else ()
        code = CLEAN if ported.after.ok and all(one.ok for one in proofs) else WORK
        if not as_json:
            return code, "\n".join([str(ported), *map(str, proofs)])
        told = json.loads(ported.after.to_json())
        if on:
            told["proofs"] = [{"package": one.package, "ok": one.ok, "text": str(one)} for one in proofs]
        return code, json.dumps(told, indent=1, ensure_ascii=False)
    finally:
        shell.close()


def proposed(seen: Audit, go: Go) -> str:
    """What a remedy of older versions would make of the module file, as a difference; empty where none would."""
    sets = [remedy.older for remedy in seen.remedies.values() if remedy.older]
    if not sets:
        return ""
    diff = older_file((seen.folder / "go.mod").read_text("utf-8"), go, sets[0]).diff
    return f"with --apply FOLDER, in a copy of go.mod:\n{diff}" if diff else ""


def _proven(ported: Ported, go: Go, target: Target, local: LocalShell, site: Site, on: str) -> tuple[Proof, ...]:
    with Fleet.open(site, hosts=(on,), recorder=Unrecorded()) as fleet:
        machine = fleet.ask(UNAME)[on][UNAME].machine
        return prove(ported, go, target, local, fleet[on], machine)
