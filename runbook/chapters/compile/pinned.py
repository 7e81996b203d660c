"""Programs of others, compiled from the versions that a module of services/ pins, for the machine that runs them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.compile.decide import Recipe, recipe_for
from runbook.chapters.compile.sources import read_sources
from runbook.chapters.toolchain.observe import Go
from runbook.errors import Blocked
from runbook.targets import Target, of_machine


@dataclass(frozen=True)
class Pinned:
    """A program by its name, its import path, and the folder of the module that pins its version."""

    name: str
    package: str
    module: Path

    @property
    def version(self) -> str:
        """As go.mod has it, without the `v`; empty where it is not there."""
        return self.version_in("go.mod")

    def version_in(self, modules: str) -> str:
        """The same of another set of modules, by the name of its file."""
        stem = self.package if re.search(r"/v\d+$", self.package) else self.package.partition("/v")[0]
        found = re.search(rf"{re.escape(stem)} v(\S+)", (self.module / modules).read_text("utf-8"))
        return found[1] if found else ""

    def recipe(self, go: Go, target: Target, home: Path, modules: str = "auto") -> Recipe:
        """Of the set of modules that the site wishes. Raises Blocked where this Go cannot build it for the target."""
        sources = read_sources(self.module, go=go, modules=modules)
        return recipe_for(self.name, sources, go, target, home, package=self.package)


def native(machine: str) -> Target:
    """The target that a host's own name for its machine stands for. Raises Blocked where no file knows it."""
    found = of_machine(machine)
    if found is None:
        raise Blocked(
            f"a host calls its machine {machine}, and no file in runbook/targets/ knows that name",
            next="add the name to `uname` of the target that it is, or describe a new target",
        )
    return found
