"""Which of its two sets of modules a build takes: the newest versions, or those that an old port's Go can build."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.toolchain.observe import Go
from runbook.errors import Blocked

MODERN, LEGACY = "go.mod", "go.legacy.mod"
"""Their files; the sums are beside each (`go help build`, -modfile)."""
DEVELOPMENT = (0, 0)


@dataclass(frozen=True)
class ModuleSet:
    """A set by its file, and why it was taken."""

    file: str
    why: str

    @property
    def flags(self) -> tuple[str, ...]:
        """What `go build` needs to be told; it takes go.mod by itself."""
        return () if self.file == MODERN else (f"-modfile={self.file}",)

    def __str__(self) -> str:
        return f"{'newest' if self.file == MODERN else 'legacy'} modules: {self.why}"


NEWEST = ModuleSet(MODERN, "nothing else was asked for")


def choose(folder: Path, go: Go, wanted: str = "auto") -> ModuleSet:
    """The set that the site asks for; `auto` takes the newest one where this Go is new enough for it.

    Raises Blocked where this Go can build none that may be taken.
    """
    if not (folder / LEGACY).exists():
        return _if_it_can(ModuleSet(MODERN, "there are no others"), folder, go, "take a newer Go")
    if wanted == "modern":
        hint = f'take a newer Go, or modules = "auto" in [toolchain]: {LEGACY} has older versions'
        return _if_it_can(ModuleSet(MODERN, "the site asks for them"), folder, go, hint)
    least = least_go(folder / MODERN)
    if wanted == "auto" and _enough(go, least):
        return ModuleSet(MODERN, f"{go} is new enough for them")
    why = "the site asks for them" if wanted == "legacy" else f"the newest ask for Go {_written(least)}"
    return _if_it_can(ModuleSet(LEGACY, why), folder, go, "take a newer Go")


def _if_it_can(chosen: ModuleSet, folder: Path, go: Go, hint: str) -> ModuleSet:
    least = least_go(folder / chosen.file)
    if _enough(go, least):
        return chosen
    raise Blocked(f"{folder.name}/{chosen.file} asks for Go {_written(least)}, the site's is {go.version}", next=hint)


def modfile_for(folder: Path, go: Go, wanted: str = "auto") -> Path | None:
    """What stands in for go.mod where a module is only looked at; None: go.mod itself, whatever comes of it."""
    try:
        chosen = choose(folder, go, wanted)
    except Blocked:
        return None
    return folder / chosen.file if chosen.file != MODERN else None


def sums(file: str) -> str:
    """The file beside a set that has the hashes of its modules."""
    return file.removesuffix(".mod") + ".sum"


def least_go(file: Path) -> tuple[int, int]:
    """The least Go that a module file asks for; (0, 0) where it names none."""
    asked = re.search(r"^go (\d+)\.(\d+)", file.read_text("utf-8"), re.MULTILINE)
    return (int(asked[1]), int(asked[2])) if asked else DEVELOPMENT


def _enough(go: Go, asked: tuple[int, int]) -> bool:
    return go.numbers >= asked or go.numbers == DEVELOPMENT


def _written(numbers: tuple[int, int]) -> str:
    return f"{numbers[0]}.{numbers[1]}"
