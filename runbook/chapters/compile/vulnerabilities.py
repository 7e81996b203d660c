"""Vulnerabilities of a binary that a local database knows: by govulncheck, and never clean for want of a database."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from runbook.chapters.compile.build import HOME, Built, build
from runbook.chapters.compile.pinned import Pinned, native
from runbook.chapters.toolchain.observe import Go
from runbook.errors import Blocked, BuildFailed, CommandFailed
from runbook.remote.command import command
from runbook.remote.shell import Shell
from runbook.site import ROOT, Site
from runbook.verdict import Figure, Verdict, failed, passed, skipped

PROGRAM = Pinned("govulncheck", "golang.org/x/vuln/cmd/govulncheck", ROOT / "services" / "vulnerabilities")
LIMIT = 300.0  # seconds for one binary
KNOWN = "known vulnerabilities"
NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Finding:
    """One vulnerability of one module that a binary has; `fixed` is the first version without, where there is one."""

    id: str
    module: str
    version: str
    fixed: str

    @property
    def risk(self) -> str:
        """As a site accepts it: `[[accept]] risk = "go-2024-2687"`."""
        return self.id.lower()

    def __str__(self) -> str:
        mend = f"mended in {self.fixed}" if self.fixed else "not mended yet"
        return f"{self.id} in {self.module} {self.version}, {mend}"


def database_problem(folder: Path) -> str:
    """Why a folder is no database of vulnerabilities; empty where it is one.

    govulncheck takes an empty folder for one that knows of nothing, and calls every program clean.
    """
    try:
        listed = json.loads((folder / "index" / "modules.json").read_text("utf-8"))
        modified = str(json.loads((folder / "index" / "db.json").read_text("utf-8"))["modified"])
        ids = {str(one["id"]) for module in listed for one in module["vulns"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = error.strerror if isinstance(error, OSError) else f"its index cannot be read: {error}"
        return f"{folder} is no database of vulnerabilities: {what}"
    missing = sorted(one for one in ids if not (folder / "ID" / f"{one}.json").is_file())
    if not ids or not modified:
        return f"{folder} is a database without a single vulnerability"
    if missing:
        return f"{folder} lacks {len(missing)} of its {len(ids)} entries, such as {missing[0]}"
    return ""


def parse_findings(text: str) -> tuple[Finding, ...]:
    """govulncheck's JSON: objects one after another. Raises ValueError where it is none, or was cut off."""
    found: dict[tuple[str, str], Finding] = {}
    begun = False
    for told in _objects(text):
        begun = begun or "config" in told
        finding = told.get("finding")
        if not isinstance(finding, Mapping):
            continue
        where = finding["trace"][0]
        one = Finding(str(finding["osv"]), str(where["module"]), str(where.get("version", "")),
                      str(finding.get("fixed_version", "")))
        found.setdefault((one.id, one.module), one)
    if not begun:
        raise ValueError("govulncheck did not say what it looked at")
    return tuple(found.values())


def _objects(text: str) -> Iterator[dict[str, object]]:
    decoder, at = json.JSONDecoder(), 0
    while rest := text[at:].lstrip():
        at = len(text) - len(rest)
        told, at = decoder.raw_decode(text, at)
        yield told


def checker(go: Go, shell: Shell) -> Built:
    """For this machine. Raises Blocked where the site's Go is too old for it, and BuildFailed."""
    return build(PROGRAM.recipe(go, native(os.uname().machine), HOME), shell)


def known_in(binaries: Mapping[str, Path], site: Site, go: Go, shell: Shell, on: date) -> Verdict:
    """One verdict for all. Without a database, or where it is none, nothing was checked: skipped, which is no pass."""
    database = site.toolchain.vulnerabilities
    if database is None:
        return skipped(KNOWN, f"{NOT_CHECKED}: the site names no database: vulnerabilities in [toolchain]")
    if why := database_problem(database):
        return skipped(KNOWN, f"{NOT_CHECKED}: {why}")
    try:
        program = checker(go, shell).path
    except (Blocked, BuildFailed) as error:
        return skipped(KNOWN, f"{NOT_CHECKED}: {error.what}")
    open_ones: dict[str, list[str]] = {}
    accepted: set[str] = set()
    count = 0
    for name, path in binaries.items():
        try:
            words = command(str(program), "-mode=binary", "-db", database.as_uri(), "-format", "json", str(path),
                            limit=LIMIT)
            findings = parse_findings(shell.run(words).text)
        except (CommandFailed, ValueError, KeyError, TypeError, IndexError) as error:
            return failed(KNOWN, f"{name}: govulncheck came to no end: {error}")
        count += len(findings)
        for one in findings:
            if site.accepts(one.risk, on):
                accepted.add(one.id)
            else:
                open_ones.setdefault(str(one), []).append(name)
    figures = {"compile.vulnerabilities": Figure(count, "findings")}
    if open_ones:
        told = "; ".join(f"{what} ({', '.join(who)})" for what, who in open_ones.items())
        return failed(KNOWN, told, None, **figures)
    taken = f"; the site accepts {', '.join(sorted(accepted))}" if accepted else ""
    return passed(KNOWN, f"none of what the database knows is in what was built{taken}", None, **figures)
