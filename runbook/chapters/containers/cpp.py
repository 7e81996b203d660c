"""The article's Dockerfile compiles C++ for an empty image: its flags tried on this machine, and what starts there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook.chapters.containers.image import Image
from runbook.elf import read
from runbook.elf.binary import Binary
from runbook.errors import CommandFailed
from runbook.remote.command import Script, command
from runbook.remote.shell import Shell

COMPILER = "g++"
SOURCE = """\
#include <iostream>
struct Base { virtual ~Base() {} };
struct Left : Base {};
struct Right : Base {};
int main(int count, char **) {
  Base *seen = count > 99 ? static_cast<Base *>(new Right) : new Left;
  bool told = dynamic_cast<Left *>(seen) && !dynamic_cast<Right *>(seen);
  std::cout << (told ? "types are told apart" : "types are not told apart") << std::endl;
  return told ? 0 : 1;
}
"""
FLAGS: Mapping[str, tuple[str, ...]] = {
    "as the article has it": ("-static-libgcc", "-static-libstdc++", "-Wl,--dynamic-list-data"),
    "without --dynamic-list-data": ("-static-libgcc", "-static-libstdc++"),
    "with -static": ("-static",),
}
ARTICLE, WITHOUT, STATIC = FLAGS
EMPTY_ROOT = Script('chroot "$1" "/$2" 2>&1; echo "exit $?"')
COMPILE_SECONDS = 120.0


@dataclass(frozen=True)
class Tried:
    """One program: what it is, its exit code here, and in an empty root where that could be tried."""

    binary: Binary
    here: int
    alone: int | None  # chroot wants root


@dataclass(frozen=True)
class Cpp:
    """What came of each set of flags, by its words; empty without a compiler. `image` is the service's own.

    `refused` are the compiler's words where it made nothing: many machines have no static libraries.
    """

    tried: Mapping[str, Tried] = field(hash=False)
    image: Image | None
    refused: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        tried = self.tried or self.refused
        return "the article's flags for C++ tried on this machine" if tried else f"no {COMPILER} on this machine"


def try_flags(shell: Shell, image: Image | None) -> Cpp:
    """Compiles with each set of flags in a folder that is gone afterwards, and starts what came out."""
    if shutil.which(COMPILER) is None:
        return Cpp({}, image)
    found: dict[str, Tried] = {}
    refused: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="runbook-cpp-") as folder:
        source = Path(folder) / "main.cpp"
        source.write_text(SOURCE)
        for number, (words, flags) in enumerate(FLAGS.items()):
            root = Path(folder) / f"root{number}"
            root.mkdir()
            program = root / "service"
            try:
                shell.run(command(COMPILER, *flags, "-o", str(program), str(source), limit=COMPILE_SECONDS))
            except CommandFailed as error:
                refused[words] = error.tail.strip().replace(f"{folder}/", "").partition("\n")[0] or error.what
                continue
            found[words] = Tried(read(program), _exit_here(shell, program), _exit_alone(shell, root, program.name))
    return Cpp(found, image, refused)


def _exit_here(shell: Shell, program: Path) -> int:
    try:
        return shell.run(command(str(program))).exit_code
    except CommandFailed as error:
        return error.exit_code_seen


def _exit_alone(shell: Shell, root: Path, name: str) -> int | None:
    if os.geteuid() != 0:
        return None
    said = shell.run(EMPTY_ROOT.command(str(root), name)).text.strip().splitlines()
    return int(said[-1].removeprefix("exit "))
