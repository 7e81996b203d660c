"""Remedies: what is known to help, as data with sources, so that a community can add to it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
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
    byte_order: str = ""  # of the targets that it is for; empty: any


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
        return bool(self.files_for(finding, target))

    def folder_for(self, finding: Finding, go: Go, target: Target) -> Path | None:
        """The toolchain's own copy of the package, where it has files for the target's architecture."""
        for below in self.toolchain:
            folder = go.root / below / folder_in(finding)
            if any(f"_{target.goarch}." in path.name for path in folder.glob("*")):
                return folder
        return None

    def files_for(self, finding: Finding, target: Target) -> tuple[NewFile, ...]:
        """Those that declare something of what is missing, in the package where it is missing.

        A name such as `system.Setuid` is missing in the package that it is of, not in the one that asks for it.
        """
        return tuple(file for file in self.files if file.byte_order in ("", target.elf.byte_order)
                     and set(file.declares) & set(_missing_in(finding, file)))


def _missing_in(finding: Finding, file: NewFile) -> Iterator[str]:
    own = folder_in(finding)
    for name in finding.names:
        qualifier, dot, plain = name.rpartition(".")
        if (file.package.rpartition("/")[2] == qualifier) if dot else (file.package == own):
            yield plain


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
        files = tuple(NewFile(one["package"], one["name"], tuple(one["declares"]), one["text"].lstrip("\n"),
                              one.get("byte_order", "")) for one in told.get("file", ()))
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
