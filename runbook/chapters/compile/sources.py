"""A service's sources: which files, what they hash to, and a copy of them elsewhere."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.compile.modules import LEGACY, MODERN, NEWEST, ModuleSet, choose, least_go, sums
from runbook.chapters.toolchain.observe import Go
from runbook.errors import Blocked

LEFT_OUT = ("_test.go",)  # tests do not go into a binary


@dataclass(frozen=True)
class Sources:
    """The module's folder, its files relative to it, and the SHA-256 over their names and contents."""

    folder: Path
    files: tuple[str, ...]
    sha256: str
    go: tuple[int, int]  # the least Go that the module file asks for
    modules: ModuleSet = NEWEST
    revision: str = ""  # git's name for them; empty: git knows none

    @property
    def version(self) -> str:
        """What the build stamps into the binary: the same for the same sources, or the same commit of them."""
        return self.revision or self.sha256[:12]

    def copy_to(self, folder: Path) -> None:
        """The same files in another folder, which is made."""
        for file in self.files:
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.folder / file, target)

    def __str__(self) -> str:
        return f"{len(self.files)} source files"


def read_sources(folder: Path, package: str = "", *, go: Go | None = None, modules: str = "auto") -> Sources:
    """The files of the module in `folder` that a build of `package` may need, without modules further down.

    No package: the module only pins the versions of others' programs, and has no source of its own. `modules` is the
    site's wish, and `go` what is to build them: of two sets of pinned versions, the files of the other one are left
    out. Without a Go the newest set is meant.

    Raises Blocked where the module or the package is not there, or this Go is too old for them.
    """
    if not (folder / "go.mod").exists() or (package and not any((folder / package).glob("*.go"))):
        raise Blocked(
            f"{folder}: no Go module{f' with a package {package}' * bool(package)}",
            next="the site's [service] name is a folder of services/",
        )
    chosen = choose(folder, go, modules) if go else NEWEST
    unused = {MODERN: (LEGACY, sums(LEGACY)), LEGACY: (sums(MODERN),)}[chosen.file]  # go.mod marks the module's root
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(LEFT_OUT) and not _elsewhere(path, folder)
        and path.relative_to(folder).as_posix() not in unused
    ]
    digest = hashlib.sha256()
    for path in found:
        name = path.relative_to(folder).as_posix()
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    names = tuple(path.relative_to(folder).as_posix() for path in found)
    return Sources(folder, names, digest.hexdigest(), least_go(folder / chosen.file), chosen)


def _elsewhere(path: Path, folder: Path) -> bool:
    """Hidden, or of another module: Go's own rule for what belongs to one."""
    between = path.relative_to(folder).parts
    inner = (folder.joinpath(*between[:depth]) for depth in range(1, len(between)))
    return any(part.startswith(".") for part in between) or any((one / "go.mod").exists() for one in inner)
