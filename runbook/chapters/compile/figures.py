"""The numbers of a build: its size, its time, and what is in it."""

from __future__ import annotations

from runbook.chapters.compile.build import Built
from runbook.elf import Binary
from runbook.verdict import Figure


def build_figures(built: Built, binary: Binary) -> dict[str, Figure]:
    """Figures by dotted name, `compile.users.size`; times are of the build machine."""
    name = f"compile.{built.recipe.service}"
    return {
        f"{name}.size": Figure(binary.size, "bytes"),
        f"{name}.seconds": Figure(built.seconds, "s"),
        f"{name}.modules": Figure(len(binary.go.dependencies) if binary.go else 0, "modules"),
    }
