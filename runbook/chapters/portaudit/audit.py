"""The audit as a value: what builds, the root causes of what does not, and what is known to help."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from runbook import targets
from runbook.chapters.portaudit.cause import Cause, Finding, findings
from runbook.chapters.portaudit.constants import differing
from runbook.chapters.portaudit.excluded import with_excluded
from runbook.chapters.portaudit.graph import Graph, Module, Package, build_graph, own_path
from runbook.chapters.portaudit.listing import TOO_OLD, TRIMMED, Listing, TooOld
from runbook.chapters.portaudit.remedy import Remedy, chosen
from runbook.chapters.toolchain.observe import Go, require
from runbook.remote.shell import Shell
from runbook.show.tables import sentence, table
from runbook.targets import Target

SHOWN = 3  # names and files in one line
NEVER_FETCHED = re.compile(r"GOPROXY=off|missing go\.sum")
STANDARD = "std"
"""What Go's own library is called among the modules, as in `go list std`."""


@dataclass(frozen=True)
class ModuleState:
    """How the packages of one module in the graph went, counted."""

    path: str
    version: str
    builds: int
    fails: int
    waits: int

    @property
    def state(self) -> str:
        """A word of the tables: `fail` where one has an error of its own, `pending` where one waits for others."""
        return "fail" if self.fails else "pending" if self.waits else "pass"


@dataclass(frozen=True, repr=False)
class Audit:
    """One module under one Go for one target; `needs` are pairs of modules, the one that imports first."""

    folder: Path
    target: str
    go: Go
    packages: int
    builds: int
    waiting: int
    findings: tuple[Finding, ...]
    remedies: Mapping[Finding, Remedy] = field(hash=False)
    modules: tuple[ModuleState, ...] = ()
    needs: tuple[tuple[str, str], ...] = ()

    @property
    def ok(self) -> bool:
        return not self.findings and self.builds == self.packages

    @property
    def failing(self) -> int:
        return self.packages - self.builds - self.waiting

    def __str__(self) -> str:
        head = f"{self.folder.name} for linux/{self.target} by {self.go}: "
        if self.ok:
            return head + f"all {self.packages} packages build"
        counts = f"{self.packages} packages: {self.builds} build, {self.failing} fail, {self.waiting} wait for these"
        return "\n".join([head + (counts if self.packages else "nothing could be listed"),
                          *(_lines(one, self.remedies.get(one)) for one in self.findings)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(("module", "package", "where", "cause", "waiting for it", "remedy"), (
            (escape(str(one.module or "")), escape(one.package), escape(f"{one.where} {one.words}"), escape(one.cause),
             str(one.breaks), escape(self.remedies[one].title if one in self.remedies else "needs a person"))
            for one in self.findings)) if self.findings else sentence(str(self))

    def to_json(self) -> str:
        """For other systems, one object; the keys stay."""
        return json.dumps({
            "schema": 1, "module": self.folder.name, "target": self.target, "go": self.go.version,
            "packages": self.packages, "builds": self.builds, "fails": self.failing, "waits": self.waiting,
            "modules": [{"module": one.path, "version": one.version, "builds": one.builds, "fails": one.fails,
                         "waits": one.waits} for one in self.modules],
            "findings": [{
                "cause": one.cause.name, "package": one.package, "module": one.module.path if one.module else "",
                "version": one.module.version if one.module else "", "where": one.where, "words": one.words,
                "names": one.names, "lie_in": one.lie_in, "wants": one.wants, "waiting": one.breaks,
                "remedy": self.remedies[one].title if one in self.remedies else "",
            } for one in self.findings],
        }, indent=1, ensure_ascii=False)


def audit(folder: Path, go: Go, target: Target, shell: Shell, *, patterns: tuple[str, ...] = (),
          modfile: Path | None = None, flags: tuple[str, ...] = ()) -> Audit:
    """Raises Blocked where this Go does not know the target, or lists nothing."""
    require(go, target)
    try:
        listing = Listing(folder, go, target, shell, modfile, (*TRIMMED, *flags))
        graph = with_excluded(build_graph(listing, patterns), listing, everything=not patterns)
    except TooOld as error:
        path, version = error.module
        module = Module(path or own_path(folder), version, str(folder), error.wants, is_main=not path)
        said = next(line for line in str(error).splitlines() if TOO_OLD.search(line))
        words = re.sub(r"^(?:go: )?(?:/\S*/)?(?:go\S*\.mod(?::\d+:)? )?", "", said)
        old = Finding(Cause.NEWER_GO, "", module, "go.mod", words, wants=error.wants)
        return Audit(folder, target.name, go, 0, 0, 0, (old,), chosen((old,), go, target))
    return _told(folder, graph, go, target)


def _told(folder: Path, graph: Graph, go: Go, target: Target) -> Audit:
    known = {name.partition("/")[2] for name in go.targets}
    foreign = {one.goarch for one in map(targets.load_target, targets.names())} - known
    found = (*findings(graph, go, foreign), *differing(graph, target))
    builds = sum(one.built for one in graph.packages.values())
    return Audit(folder, target.name, go, len(graph), builds, len(graph.waiting), found, chosen(found, go, target),
                 tuple(_modules(graph)), _needs(graph))


def _modules(graph: Graph) -> Iterator[ModuleState]:
    of: dict[tuple[str, str], list[Package]] = {}
    for one in graph.packages.values():
        of.setdefault((one.module.path, one.module.version) if one.module else (STANDARD, ""), []).append(one)
    for (path, version), packages in sorted(of.items()):
        builds, fails = sum(one.built for one in packages), sum(bool(one.said) for one in packages)
        yield ModuleState(path, version, builds, fails, len(packages) - builds - fails)


def _needs(graph: Graph) -> tuple[tuple[str, str], ...]:
    """Between the modules: what a Go ships with is everybody's."""
    pairs = {(one.module.path, other.module.path) for one in graph.packages.values() if one.module
             for name in one.imports if (other := graph.packages.get(name)) and other.module}
    return tuple(sorted(pair for pair in pairs if pair[0] != pair[1]))


def _lines(one: Finding, remedy: Remedy | None) -> str:
    waits = f"; {one.breaks} packages wait for it" if one.breaks else ""
    wants = f" ({one.wants})" if one.wants else ""
    place = " ".join(filter(None, (one.package, one.where)))
    lines = [f"✗ {one.module or 'the module itself'}", f"    {place}: {one.words}", f"    {one.cause}{wants}{waits}"]
    if one.names:
        lines.append(f"    missing: {_some(one.names)}")
    if one.lie_in:
        whose = "with cgo it is" if one.cause is Cause.CGO else "other architectures have it"
        lines.append(f"    {whose} in {_some(one.lie_in)}")
    lines.append(f"    remedy: {remedy.title} (--apply FOLDER)" if remedy else f"    needs a person: {_begin(one)}")
    return "\n".join(lines)


def _some(names: tuple[str, ...]) -> str:
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _begin(one: Finding) -> str:
    """Where to begin, by the cause."""
    return {
        Cause.NEWER_GO: "an older version of the module that this Go builds, or a newer Go from the vendor",
        Cause.CGO: "a C compiler for the target and CGO_ENABLED=1, or a module without C",
        Cause.SOURCE: "`go mod download`, once, where there is a network" if NEVER_FETCHED.search(one.words)
        else "the compiler's words; does it build for this machine?",
        Cause.SWALLOWED: f"a //go:build line in {one.where}",
        Cause.CONSTANT: "take it from golang.org/x/sys/unix, which has each architecture's own",
    }.get(one.cause, "a file for the architecture, after the one of another; then a remedy in remedies/ for everybody")
