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
class Older:
    """A version of a module, and the oldest Go that was seen to build it."""

    module: str
    version: str
    go: tuple[int, int]

    def suits(self, go: Go) -> bool:
        return go.numbers >= self.go


@dataclass(frozen=True)
class Remedy:
    """What helps one module: a folder of the toolchain in place of its packages, or files of our own.

    Or a set of older versions for a Go that is too old: then there is no one module, and `older` has each.
    """

    module: str
    causes: frozenset[Cause]
    title: str
    source: str
    toolchain: tuple[str, ...] = ()  # folders below GOROOT, the first that has the package counts
    files: tuple[NewFile, ...] = ()
    older: tuple[Older, ...] = ()

    def helps(self, finding: Finding, go: Go, target: Target) -> bool:
        """Whether it can help here: the toolchain has the package for this target, or a file declares what lacks.

        A module's own go.mod may ask for too new a Go: then what it requires is looked up when the remedy is applied.
        """
        if self.older and finding.module is not None and finding.cause in self.causes:
            return finding.module.is_main or any(
                one.module == finding.module.path and one.version != finding.module.version and one.suits(go)
                for one in self.older)
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
        older = tuple(Older(one["module"], one["version"], _numbers(one["go"])) for one in told.get("older", ()))
        causes = frozenset(Cause[name] for name in told["causes"])
        remedy = Remedy("" if older else told["module"], causes, told["title"], told["source"],
                        tuple(told.get("toolchain", {}).get("folders", ())), files, older)
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise RunbookError(f"{path.name}: no remedy: {error!r}", next="imitate remedies/bbolt.toml") from error
    places = [*remedy.toolchain, *(f"{file.package}/{file.name}" if file.package else file.name for file in files)]
    outside = [one for one in places if one.startswith("/") or {"..", "."} & set(one.split("/"))]
    if outside or any("/" in file.name for file in files):
        raise RunbookError(f"{path.name}: a file outside of its package: {', '.join(outside) or files[0].name}",
                           next="`package` is a folder of the module, `name` a file in it, without `..`")
    if sum(map(bool, (remedy.toolchain, remedy.files, remedy.older))) != 1:
        raise RunbookError(f"{path.name}: a remedy has either a [toolchain] folder or a [[file]] or an [[older]]",
                           next="imitate remedies/x-sys.toml, remedies/bbolt.toml or remedies/older-versions.toml")
    return remedy


def _numbers(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)


def chosen(found: Iterable[Finding], go: Go, target: Target) -> Mapping[Finding, Remedy]:
    """The first that helps, for each finding that one helps."""
    picked = {finding: next((one for one in remedies() if one.helps(finding, go, target)), None) for finding in found}
    return {finding: remedy for finding, remedy in picked.items() if remedy is not None}
