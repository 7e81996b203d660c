"""Constants of the kernel's interface that a package writes out with another value than they have on the target.

Such a package compiles everywhere and does something else there: containerd/fifo's O_PATH is the known case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from runbook.chapters.portaudit.cause import Cause, Finding, text_of
from runbook.chapters.portaudit.graph import Graph, Package
from runbook.targets import Target

LITERAL = r"0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|[0-9][0-9_]*"
"""A whole number of Go (the language's specification, integer literals)."""


def differing(graph: Graph, target: Target) -> Iterator[Finding]:
    """A finding a place, by packages and files.

    A file that is named for the architecture is its own statement, and Go's library is its port's matter.
    """
    constants = target.constants
    if not constants:
        return
    names = "|".join(map(re.escape, constants))
    written = re.compile(rf"^[ \t]*(?:const[ \t]+)?({names})(?:[ \t]+\w+)?[ \t]*=[ \t]*({LITERAL})[ \t]*(?://.*)?$",
                         re.MULTILINE)
    for package in graph.packages.values():
        if package.module is not None:
            files = [name for name in sorted(package.files)
                     if name.endswith(".go") and not name.endswith(f"_{target.goarch}.go")]
            yield from _in(package, files, written, constants)


def _in(package: Package, files: Iterable[str], written: re.Pattern[str],
        constants: Mapping[str, int]) -> Iterator[Finding]:
    for name in files:
        text = text_of(package.folder / name)
        if not any(one in text for one in constants):  # most have none, and this is quicker than the expression
            continue
        for found in written.finditer(text):
            here, there = number(found[2]), constants[found[1]]
            if here != there:
                line = text.count("\n", 0, found.start(1)) + 1
                words = f"{found[1]} is 0o{here:o} here and 0o{there:o} on the target"
                yield Finding(Cause.CONSTANT, package.path, package.module, f"{name}:{line}", words, (found[1],))


def number(literal: str) -> int:
    """A whole number as Go writes it: a 0 before digits makes it octal."""
    digits = literal.replace("_", "")
    return int(digits, 8) if re.fullmatch(r"0[0-7]+", digits) else int(digits, 0)
