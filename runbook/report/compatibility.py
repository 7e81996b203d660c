"""The compatibility matrix: which module built for which target by which Go, over all runs that are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.portaudit.audits import ARTEFACT, KEPT
from runbook.run import reports

COMPLETE, PARTLY, NOT = "✓", "◐", "✗"


@dataclass(frozen=True)
class Column:
    """One target and one Go."""

    target: str
    go: str

    def __str__(self) -> str:
        return f"{self.target}, Go {self.go}"


@dataclass(frozen=True)
class Seen:
    """What the newest audit said of a module's version: its packages by what became of them."""

    builds: int
    fails: int
    waits: int
    run: str  # empty: it belonged to none

    @property
    def mark(self) -> str:
        """All of it, some of it, or nothing of it is of use."""
        return COMPLETE if not self.fails + self.waits else PARTLY if self.builds else NOT

    def __str__(self) -> str:
        return f"{self.mark} {self.builds}/{self.builds + self.fails + self.waits}"


@dataclass(frozen=True)
class Matrix:
    """Cells by (module and version, column); a pair that no run audited has none, which is not a failure."""

    cells: dict[tuple[str, Column], Seen]

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(sorted({column for _, column in self.cells}, key=str))

    @property
    def modules(self) -> tuple[str, ...]:
        """Those that do not build somewhere come first."""
        worst = {name: min(seen.mark == COMPLETE for (own, _), seen in self.cells.items() if own == name)
                 for name, _ in self.cells}
        return tuple(sorted(worst, key=lambda name: (worst[name], name)))

    def __str__(self) -> str:
        if not self.cells:
            return "no run has an audit yet: `Static compile` makes one, and so does `runbook port-audit`"
        rows = [("module", *map(str, self.columns))]
        rows += [(name, *(str(self.cells.get((name, column), "·")) for column in self.columns))
                 for name in self.modules]
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, f"{COMPLETE} builds, {PARTLY} some packages do, {NOT} none does, "
                                  "· never audited; packages of all that builds needed"])

    def to_json(self) -> str:
        return json.dumps({"schema": 1, "cells": [
            {"module": name, "target": column.target, "go": column.go, "builds": seen.builds, "fails": seen.fails,
             "waits": seen.waits, "run": seen.run} for (name, column), seen in sorted(
                 self.cells.items(), key=lambda item: (item[0][0], str(item[0][1])))]}, indent=1, ensure_ascii=False)


def matrix() -> Matrix:
    """Reads every kept run's audits and those that `runbook port-audit --keep` kept, the newest last."""
    found = [*reports().glob(f"*/artifacts/{ARTEFACT}*.json"), *reports().glob(f"{KEPT}/*.json")]
    cells: dict[tuple[str, Column], Seen] = {}
    for path in sorted({path.resolve() for path in found}, key=lambda path: path.stat().st_mtime):
        cells |= dict(_cells(path))
    return Matrix(cells)


def _cells(path: Path) -> Iterator[tuple[tuple[str, Column], Seen]]:
    """What cannot be read is left out: a cut file is no statement about a module."""
    try:
        told = json.loads(path.read_text("utf-8"))
        column = Column(told["target"], told["go"])
        run = "" if path.parent.name == KEPT else path.parent.parent.name
        found = [((f"{one['module']} {one['version']}".strip(), column),
                  Seen(one["builds"], one["fails"], one["waits"], run)) for one in told["modules"]]
    except (OSError, ValueError, KeyError, TypeError):
        return
    yield from found
