"""`runbook doctor`: what a site still lacks before a run, each with what mends it; it changes nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from runbook.chapters.compile.vulnerabilities import database_problem
from runbook.chapters.hosts.observe import START_QUESTIONS, clock_offsets
from runbook.chapters.hosts.verify import ready_for_work
from runbook.chapters.signing.keys import find_keys
from runbook.chapters.toolchain.observe import find_go, require
from runbook.errors import RunbookError
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.remote.secret import Reference
from runbook.report.conduct import hosts_may_be_asked
from runbook.report.on_hosts import Unrecorded
from runbook.run import REPORTS_VARIABLE, reports
from runbook.show.tables import MARKS
from runbook.site import Site, load_site
from runbook.targets import load_target
from runbook.verdict import Verdict, blocked, passed, skipped

LEAST_FREE = 1 << 30  # bytes for a run: programs, images and logs; the rehearsal's takes 150 MiB
BLOCKED = 3
SECRET, KEYS, DATABASE = "secret", "keys to sign with", "database of vulnerabilities"


@dataclass(frozen=True)
class Diagnosis:
    """Every finding, of this machine first and then of each host."""

    site: str
    findings: tuple[Verdict, ...]

    @property
    def exit_code(self) -> int:
        """3 where something is missing; what is only worth knowing is no lack."""
        return 0 if all(one.ok for one in self.findings) else BLOCKED

    def __str__(self) -> str:
        missing = sum(not one.ok for one in self.findings)
        lines = [f"{self.site}: {f'{missing} missing' if missing else 'nothing is missing'}, "
                 f"{len(self.findings)} looked at"]
        for one in self.findings:
            first, *more = one.reason.splitlines() or [""]
            lines.append(f"  {MARKS[one.state]} {one.host or 'here'}: {one.what}: {first}")
            lines += [f"      {line.strip()}" for line in more]
        return "\n".join(lines)


def diagnose(path: str) -> Diagnosis:
    """Looks at the site file, at this machine and at the hosts. Raises SiteError where the file itself is wrong."""
    site = load_site(path)
    here = (_room(), *map(_secret, site.references()), *_from_config(site), _go(site), *_keys(site), *_database(site),
            *_risks(site, date.today()))
    return Diagnosis(site.name, (*here, *_hosts(site)))


def _room() -> Verdict:
    """Whether a run can be written where runs are."""
    folder = reports()
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if not os.access(there, os.W_OK):
        return blocked("reports", f"{there} cannot be written\nnext: make it writable, or set {REPORTS_VARIABLE}")
    free = shutil.disk_usage(there).free
    if free < LEAST_FREE:
        what = f"{free >> 20} MiB are free in {there}, {LEAST_FREE >> 20} are needed"
        return blocked("reports", f"{what}\nnext: `runbook prune --keep 5`, or set {REPORTS_VARIABLE}")
    return passed("reports", f"a run has room in {there}")


def _secret(reference: Reference) -> Verdict:
    """Whether it is there, and nobody else's to read; what it is stays out of all that is said."""
    kind, _, name = reference.text.partition(":")
    if kind == "prompt":
        return skipped(SECRET, f"{reference} is asked for when it is needed: without a terminal nobody can answer")
    try:
        empty = not reference.resolve().reveal().strip()
    except RunbookError as error:
        return blocked(SECRET, str(error))
    if empty:
        return blocked(SECRET, f"{reference} is empty\nnext: put the secret there")
    if kind == "file":
        path = Path(name).expanduser()
        if path.stat().st_mode & 0o077:
            return blocked(SECRET, f"{reference} may be read by others than its owner\nnext: `chmod 600 {path}`")
    return passed(SECRET, f"{reference} is there")


def _from_config(site: Site) -> Iterator[Verdict]:
    """What an ssh_config says of a host, and where: the site file does not show it."""
    for host in site.hosts:
        if host.from_config:
            told = "; ".join(f"{key} {value} ({where})" for key, value, where in host.from_config)
            yield replace(passed("ssh", told), host=host.name)


def _go(site: Site) -> Verdict:
    """Whether the site's Go is there and builds for its target."""
    what = f"Go of {site.toolchain.go}"
    try:
        go = find_go(site, LocalShell(Unrecorded()))
        require(go, load_target(site.target))
    except RunbookError as error:
        return blocked(what, str(error))
    return passed(what, f"{go} builds for {site.target}")


def _keys(site: Site) -> Iterator[Verdict]:
    """The site's own keys to sign with, where it names a folder of them: there, theirs alone, and not expired."""
    if site.signing.keys is None:
        return
    try:
        keys = find_keys(site.signing.keys, Path())
    except RunbookError as error:
        yield blocked(KEYS, str(error))
        return
    lapsed = [str(key) for key in keys.public if key.not_after <= datetime.now(UTC)]
    if lapsed:
        yield blocked(KEYS, f"{', '.join(lapsed)} expired\nnext: `runbook new-keys FOLDER --site {site.file}`")
    else:
        yield passed(KEYS, f"{site.signing.keys} has {keys}")


def _database(site: Site) -> Iterator[Verdict]:
    folder = site.toolchain.vulnerabilities
    if folder is not None:
        why = database_problem(folder)
        yield blocked(DATABASE, f"{why}\nnext: copy vuln.go.dev there, whole") if why else passed(
            DATABASE, f"{folder} is one")


def _risks(site: Site, today: date) -> Iterator[Verdict]:
    for risk in site.accepted:
        if not risk.holds(today):
            yield skipped(risk.risk, f"its acceptance lapsed after {risk.until}: the risk counts again")


def _hosts(site: Site) -> tuple[Verdict, ...]:
    """What 00_start judges, asked here without a run."""
    try:
        hosts_may_be_asked(site)
    except RunbookError as error:
        return (blocked("hosts", str(error)),)
    try:
        with Fleet.open(site, recorder=Unrecorded()) as fleet:
            answers = fleet.ask(*START_QUESTIONS)
            reached = tuple(shell for shell in fleet if shell.name not in answers.errors)
            return tuple(ready_for_work(answers, clock_offsets(reached), load_target(site.target)))
    except RunbookError as error:
        return (blocked("hosts", str(error)),)
