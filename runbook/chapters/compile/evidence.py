"""What decides the claims about static compiling: the binary, and three more builds and questions."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from runbook.chapters.compile.build import IN_FOLDER, LIMIT, Built, compile_in
from runbook.chapters.compile.decide import environment, linker_flags
from runbook.elf import Binary, read
from runbook.elf.sections import changed
from runbook.errors import BuildFailed, CommandFailed
from runbook.remote.command import Script
from runbook.remote.shell import Shell
from runbook.targets import Target

COMPILERS = ("gcc", "cc", "clang")
HELLO = """package main

import "fmt"

func main() { fmt.Println("hello") }
"""
LDD = 'command -v ldd >/dev/null 2>&1 || exit 0; LC_ALL=C ldd "$1" 2>&1; echo "exit $?"'


@dataclass(frozen=True)
class Evidence:
    """Facts of the build machine and of the target's binaries; nothing here ran on a host."""

    binary: Binary
    target: Target
    compilers: tuple[str, ...]  # C compilers on the PATH that the build saw
    differing: tuple[str, ...]  # sections that change with -extldflags=-static
    compared: int  # sections that were compared
    ldd: str  # what ldd says of the binary; empty: there is no ldd here
    without_compiler: bool  # hello.go without cgo was built
    hello: Binary  # hello.go with cgo allowed

    def __str__(self) -> str:
        return f"{self.binary}, and hello.go with cgo allowed"


def evidence(built: Built, target: Target, shell: Shell) -> Evidence:
    """Builds the service once more with the flag, and hello.go with cgo. Raises BuildFailed."""
    recipe = built.recipe
    with tempfile.TemporaryDirectory(dir=built.path.parent.parent, prefix="evidence-") as scratch:
        folder = Path(scratch)
        flag = f"-ldflags={linker_flags(recipe.sources)} -extldflags=-static"
        compile_in(recipe, shell, folder / "sources", folder / "forced", flag)
        differing, compared = changed(built.path, folder / "forced")
        alone = _hello(built, target, shell, folder / "alone", cgo=False)
        hello = _hello(built, target, shell, folder / "linked", cgo=True)
        return Evidence(
            read(built.path),
            target,
            _compilers(dict(recipe.environment)["PATH"], target),
            differing,
            compared,
            shell.run(Script(LDD).command(str(built.path))).text.strip(),
            not isinstance(alone, CommandFailed),
            replace(read(_whole(hello, target)), path=Path("hello")),
        )


def _compilers(path: str, target: Target) -> tuple[str, ...]:
    names = (*COMPILERS, *(f"{triplet}-gcc" for triplet in target.names.triplets))
    folders = [Path(folder) for folder in path.split(":") if folder]
    return tuple(name for name in names if any((folder / name).exists() for folder in folders))


def _hello(built: Built, target: Target, shell: Shell, folder: Path, *, cgo: bool) -> Path | CommandFailed:
    """hello.go as a binary; or why it could not be built, which is what one claim is about."""
    folder.mkdir()
    (folder / "go.mod").write_text("module hello\n\ngo 1.16\n")
    (folder / "main.go").write_text(HELLO)
    home = Path(dict(built.recipe.environment)["HOME"])
    pairs = environment(built.recipe.go, target.goarch, home, cgo=cgo)
    go = ("env", "-i", *(f"{name}={value}" for name, value in pairs), str(built.recipe.go.program))
    try:
        shell.run(Script(IN_FOLDER, limit=LIMIT).command(str(folder), *go, "build", "-o", "hello", "."))
    except CommandFailed as error:
        return error
    return folder / "hello"


def _whole(hello: Path | CommandFailed, target: Target) -> Path:
    if isinstance(hello, Path):
        return hello
    raise BuildFailed(
        f"hello.go for {target.name} with cgo allowed: the build failed",
        tail=hello.tail,
        next="it uses nothing but fmt: is this Go whole?",
    ) from hello
