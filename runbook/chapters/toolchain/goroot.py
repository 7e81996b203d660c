"""A folder of Go, recognised by what it contains: for which machines its assembler is, and whether it was built."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from runbook.elf import read
from runbook.errors import BinaryError, Blocked
from runbook.targets import Target

OBJECTS = Path("src") / "cmd" / "internal" / "obj"
"""Where Go keeps one folder for each architecture that its assembler knows."""
DEEPEST = 2  # folders above a Go in an archive: `go` in a release, `golang.org/toolchain@…` in a module


@dataclass(frozen=True)
class Tree:
    """What is in a folder of Go, nothing of it run."""

    root: Path
    version: str  # VERSION's first line without `go`; empty: a tree that was never released
    program: str  # the architecture of bin/go; empty: it is none of an ELF machine, or is not there
    installed: bool  # bin/go is there
    buildable: bool  # with its make.bash, and what that builds first

    def __str__(self) -> str:
        return f"Go {self.version or 'of no release'}, {'installed' if self.installed else 'a tree of sources'}"


def is_goroot(folder: Path) -> bool:
    return (folder / "src" / "runtime").is_dir() and ((folder / "bin" / "go").exists() or _makes(folder))


def goroot_in(folder: Path) -> Path:
    """The Go in an unpacked archive, at most two folders down. Raises Blocked where there is none, or more than one."""
    level = [folder]
    for _ in range(DEEPEST + 1):
        found = [one for one in level if is_goroot(one)]
        if len(found) == 1:
            return found[0]
        if found:
            raise Blocked(f"there is more than one Go in it: {', '.join(one.name for one in found)}",
                          next="name an archive of one Go in [toolchain] go")
        level = sorted(inner for one in level for inner in one.iterdir() if inner.is_dir() and not inner.is_symlink())
    raise Blocked("there is no Go in it: no folder with src/runtime, and bin/go or src/make.bash",
                  next="name an archive of a whole Go in [toolchain] go: its bin, pkg and src, or its sources")


def look_at(root: Path) -> Tree:
    """Reads the folder's names and the head of its program."""
    program = root / "bin" / "go"
    return Tree(root, version_of(root), _machine(program), program.exists(), _makes(root))


def knows(root: Path, target: Target) -> bool:
    """Whether the tree has an assembler for the target, by its own name or by the kernel's."""
    return any((root / OBJECTS / name).is_dir() for name in (target.goarch, target.names.kernel))


def version_of(root: Path) -> str:
    """The version that GOROOT/VERSION names; empty where there is none."""
    try:
        first = (root / "VERSION").read_text("utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return first.removeprefix("go")


def _makes(root: Path) -> bool:
    return (root / "src" / "make.bash").exists() and (root / "src" / "cmd" / "dist").is_dir()


def _machine(program: Path) -> str:
    try:
        return read(program).architecture
    except (BinaryError, OSError):
        return ""


def sources_sha256(folder: Path) -> tuple[str, int]:
    """Over every file's path and contents, in order, and how many there are; links are by their target's text."""
    digest, count = hashlib.sha256(), 0
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(parent, name)
            content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
            told = f"{path.relative_to(folder).as_posix()}\0{hashlib.sha256(content).hexdigest()}\n"
            digest.update(told.encode("utf-8", "surrogateescape"))
            count += 1
    return digest.hexdigest(), count
