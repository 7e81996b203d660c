"""Packages that Go leaves out whole for the target: what pattern skips them, and whether cgo would have them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from runbook.chapters.portaudit.graph import EXCLUDED, Graph, Package, parse_packages
from runbook.chapters.portaudit.listing import WITH_CGO, Listing

NOT_PACKAGES = ("testdata", "vendor")
"""Folders that `./...` never goes into, beside those that begin with `.` or `_` (`go help packages`)."""


def with_excluded(graph: Graph, listing: Listing, *, everything: bool) -> Graph:
    """The graph with the packages of the module that it lacks, and with what cgo would give to those without files.

    A pattern says nothing of a package whose files are all for others. One that this machine's own architecture
    leaves out too, as it does another system's or a generator's, is no matter of the target.
    """
    packages = dict(graph.packages)
    if everything:
        packages |= {one.path: one for one in _missing(graph, listing)}
    empty = [one.path for one in packages.values() if EXCLUDED in one.said]
    if empty:
        text, said = listing.ask(*empty, instead=WITH_CGO)
        for one in parse_packages(text, said):
            if one.path in packages and EXCLUDED not in one.said:
                packages[one.path] = replace(packages[one.path], with_cgo=one.files)
    return Graph(packages)


def _missing(graph: Graph, listing: Listing) -> Iterator[Package]:
    known = {one.folder for one in graph.packages.values()}
    root = listing.folder.resolve()
    folders = [f"./{path.relative_to(root)}" for path in _folders(root) if path not in known]
    if not folders:
        return
    elsewhere = {**WITH_CGO, "GOARCH": listing.go.settings["GOHOSTARCH"]}
    there = {one.path for one in parse_packages(*listing.ask(*folders, instead=elsewhere)) if EXCLUDED not in one.said}
    for one in parse_packages(*listing.ask(*folders)):
        if one.path in there and EXCLUDED in one.said:
            yield one


def _folders(root: Path) -> Iterator[Path]:
    """Those of the module that have Go files, its tests apart."""
    for place, folders, names in os.walk(root):
        path = Path(place)
        folders[:] = [name for name in sorted(folders) if name[0] not in "._" and name not in NOT_PACKAGES
                      and not (path / name / "go.mod").exists()]
        if any(name.endswith(".go") and not name.endswith("_test.go") for name in names):
            yield path
