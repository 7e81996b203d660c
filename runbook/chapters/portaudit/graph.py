"""The build graph of a Go module for a target: every package compiled by the site's Go, one failure hiding no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from runbook.chapters.portaudit.listing import Listing
from runbook.errors import Blocked

EVERYTHING = "./..."
BLANK = re.compile(r"\s*")
EXCLUDED = "build constraints exclude all Go files"


@dataclass(frozen=True)
class Module:
    """As Go has it in this build; `folder` is the replacement's where there is one. The main module has no version."""

    path: str
    version: str
    folder: str
    go: str  # what its go.mod asks for: "1.21"
    replaced: bool = False
    is_main: bool = False  # the one that is audited

    def __str__(self) -> str:
        return f"{self.path} {self.version}".strip() + (" (replaced)" if self.replaced else "")


@dataclass(frozen=True)
class Package:
    """One package: its files for the target and those that are not, what it imports, and how compiling it went."""

    path: str
    name: str
    folder: Path
    module: Module | None  # None: of the standard library
    imports: tuple[str, ...]
    files: tuple[str, ...]
    ignored: tuple[str, ...]  # for other systems and architectures, assembly among them
    built: bool
    said: str = ""  # the compiler's or the loader's words
    with_cgo: tuple[str, ...] = ()  # files that it would have with cgo, where it has none without


@dataclass(frozen=True)
class Graph:
    """All packages, dependencies before what depends on them."""

    packages: Mapping[str, Package] = field(hash=False)

    def __len__(self) -> int:
        return len(self.packages)

    @property
    def failing(self) -> tuple[Package, ...]:
        """Those with an error of their own."""
        return tuple(one for one in self.packages.values() if not one.built and one.said)

    @property
    def waiting(self) -> tuple[Package, ...]:
        """Those that were not compiled, since something that they import was not."""
        return tuple(one for one in self.packages.values() if not one.built and not one.said)

    def waiting_for(self) -> dict[str, set[str]]:
        """The packages that wait, by each failing one that they need, however far below them it is."""
        roots: dict[str, set[str]] = {}
        found: dict[str, set[str]] = {one.path: set() for one in self.failing}
        for one in self.packages.values():
            below = set().union(*(roots.get(name, set()) for name in one.imports))
            roots[one.path] = below | ({one.path} if one.path in found else set())
            for root in below - {one.path}:
                found[root].add(one.path)
        return found


def build_graph(listing: Listing, patterns: tuple[str, ...] = ()) -> Graph:
    """Compiles every package of the patterns (none: all of the module) and of what they import, and links nothing.

    Raises TooOld, and Blocked where Go does not come to a list: no module there, a sum that does not fit, a module
    that was never fetched.
    """
    if not (listing.folder / "go.mod").is_file():
        raise Blocked(f"{listing.folder}: no go.mod there", next="name the folder of a Go module")
    asked = patterns or (EVERYTHING,)
    text, said = listing.ask(*asked, options=("-deps", "-export"))
    if text.strip() or "# " not in said:
        graph = Graph({one.path: one for one in parse_packages(text, said)})
    else:  # up to Go 1.18 nothing is listed where anything fails; what failed was said all the same
        text, _ = listing.ask(*asked, options=("-deps",))
        graph = Graph(by_what_was_said(parse_packages(text, said)))
    if not graph.packages:
        tools = tools_of(listing.folder)
        if not patterns and tools:
            return build_graph(listing, tools)
        raise listing.refused(said)
    return graph


def tools_of(folder: Path) -> tuple[str, ...]:
    """What the module names as `tool`: a module that only pins others' programs has no package of its own."""
    text = (folder / "go.mod").read_text("utf-8")
    text = re.sub(r"//.*", "", text)
    block = re.search(r"^tool \(\n(.*?)^\)", text, re.MULTILINE | re.DOTALL)
    lines = block[1].split() if block else []
    return tuple(lines + re.findall(r"^tool ([^(\s]\S*)", text, re.MULTILINE))


def own_path(folder: Path) -> str:
    """The module's own path, by its go.mod, which this Go may not be able to read."""
    found = re.search(r"^module (\S+)", (folder / "go.mod").read_text("utf-8"), re.MULTILINE)
    return found[1] if found else folder.name


def parse_packages(text: str, said: str) -> Iterator[Package]:
    """What `go list -json` printed; older ones tell the compiler's words on standard error, under `# PACKAGE`."""
    words = {path: lines.strip() for path, lines in re.findall(r"^# (\S+).*\n((?:(?!# ).*\n?)*)", said, re.MULTILINE)}
    decoder, at = json.JSONDecoder(), 0
    text = text.strip()
    while at < len(text):
        told, end = decoder.raw_decode(text, at)
        at = BLANK.match(text, end).end()  # type: ignore[union-attr]  # without a copy of the rest
        yield _package(told, words)


def by_what_was_said(packages: Iterator[Package]) -> dict[str, Package]:
    """For a list that was made without compiling: a package is built where nothing is said of it or of its imports."""
    found: dict[str, Package] = {}
    for one in packages:
        below = all(found[name].built for name in one.imports if name in found)
        found[one.path] = replace(one, built=not one.said and below)
    return found


def _package(told: Mapping, words: Mapping[str, str]) -> Package:  # type: ignore[type-arg]
    path, module = told["ImportPath"], told.get("Module")
    error = (told.get("Error") or {}).get("Err", "").strip()
    said = re.sub(r"^# .*\n", "", error) or words.get(path, "")
    built = bool(told.get("Export")) or path == "unsafe"
    ignored = (told.get("IgnoredGoFiles") or []) + (told.get("IgnoredOtherFiles") or [])
    return Package(
        path=path,
        name=told.get("Name", ""),
        folder=Path(told.get("Dir", "")),
        module=None if told.get("Standard") or not module else _module(module),
        imports=tuple(told.get("Imports") or ()),
        files=tuple((told.get("GoFiles") or []) + (told.get("CgoFiles") or []) + (told.get("SFiles") or [])),
        ignored=tuple(ignored),
        built=built,
        said="" if built else said,
    )


def _module(told: Mapping) -> Module:  # type: ignore[type-arg]
    instead = told.get("Replace") or told
    return Module(
        path=told["Path"],
        version=told.get("Version", ""),
        folder=instead.get("Dir") or told.get("Dir", ""),
        go=instead.get("GoVersion") or told.get("GoVersion", ""),
        replaced=bool(told.get("Replace")),
        is_main=bool(told.get("Main")),
    )
