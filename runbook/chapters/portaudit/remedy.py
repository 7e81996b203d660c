"""Remedies: what is known to help, as data with sources, so that a community can add to it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from runbook.chapters.portaudit.cause import Cause, Finding
from runbook.chapters.toolchain.observe import Go
from runbook.errors import RunbookError
from runbook.targets import Target

FOLDER = Path(__file__).with_name("remedies")


@dataclass(frozen=True)
class NewFile:
    """A file that a package of the module gets, where the names that it declares are what is missing."""

    package: str  # its folder in the module; empty: the module's own
    name: str  # `{goarch}` stands for the architecture
    declares: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Remedy:
    """What helps one module: a folder of the toolchain in place of its packages, or files of our own."""

    module: str
    causes: frozenset[Cause]
    title: str
    source: str
    toolchain: tuple[str, ...] = ()  # folders below GOROOT, the first that has the package counts
    files: tuple[NewFile, ...] = ()

    def helps(self, finding: Finding, go: Go, target: Target) -> bool:
        """Whether it can help here: the toolchain has the package for this target, or a file declares what lacks."""
        if finding.module is None or finding.module.path != self.module or finding.cause not in self.causes:
            return False
        if self.toolchain:
            return self.folder_for(finding, go, target) is not None
        return any(set(file.declares) & set(finding.names) for file in self.files_for(finding))

    def folder_for(self, finding: Finding, go: Go, target: Target) -> Path | None:
        """The toolchain's own copy of the package, where it has files for the target's architecture."""
        for below in self.toolchain:
            folder = go.root / below / folder_in(finding)
            if any(f"_{target.goarch}." in path.name for path in folder.glob("*")):
                return folder
        return None

    def files_for(self, finding: Finding) -> tuple[NewFile, ...]:
        return tuple(file for file in self.files if file.package == folder_in(finding))


def folder_in(finding: Finding) -> str:
    """The package's folder in its module, such as `unix`; empty for the module's own package."""
    assert finding.module is not None
    return finding.package.removeprefix(finding.module.path).strip("/")


@cache
def remedies() -> tuple[Remedy, ...]:
    """All that lie in the room's folder. Raises RunbookError where a file is not what it should be."""
    return tuple(read_remedy(path) for path in sorted(FOLDER.glob("*.toml")))


def read_remedy(path: Path) -> Remedy:
    """One file. Raises RunbookError that names it and the key."""
    try:
        told = tomllib.loads(path.read_text("utf-8"))
        files = tuple(NewFile(one["package"], one["name"], tuple(one["declares"]), one["text"].lstrip("\n"))
                      for one in told.get("file", ()))
        remedy = Remedy(told["module"], frozenset(Cause[name] for name in told["causes"]), told["title"],
                        told["source"], tuple(told.get("toolchain", {}).get("folders", ())), files)
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise RunbookError(f"{path.name}: no remedy: {error!r}", next="imitate remedies/bbolt.toml") from error
    if bool(remedy.toolchain) == bool(remedy.files):
        raise RunbookError(f"{path.name}: a remedy has either a [toolchain] folder or a [[file]]",
                           next="imitate remedies/x-sys.toml or remedies/bbolt.toml")
    return remedy


def chosen(found: Iterable[Finding], go: Go, target: Target) -> Mapping[Finding, Remedy]:
    """The first that helps, for each finding that one helps."""
    picked = {finding: next((one for one in remedies() if one.helps(finding, go, target)), None) for finding in found}
    return {finding: remedy for finding, remedy in picked.items() if remedy is not None}
