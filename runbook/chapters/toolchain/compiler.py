"""The C compiler for a target, found on the machine that builds, and tried before it is believed."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from runbook.elf import read
from runbook.errors import BinaryError, RemoteError
from runbook.remote.command import Script, command
from runbook.remote.shell import Shell
from runbook.targets import Target

LIMIT = 20.0  # seconds: an empty file compiles in a hundredth of that
WHERE = Script('command -v -- "$1" || :')
EMPTY = "int nothing(void) { return 0; }\n"
TRIPLET = re.compile(r"[A-Za-z0-9_.]+(-[A-Za-z0-9_.]+){1,3}")


@dataclass(frozen=True, repr=False)
class Compiler:
    """A C compiler that made an object file for the target here."""

    program: str
    machine: str  # what -dumpmachine says
    version: str  # the first line of --version
    target: str

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return f"a C compiler for {self.target}"

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class NoCompiler:
    """Why there is none, and what to do; it is false, and shows itself."""

    target: str
    why: str
    next: str

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return f"no C compiler for {self.target}: {self.why}; {self.next}"

    __repr__ = __str__


def find_compiler(target: Target, shell: Shell) -> Compiler | NoCompiler:
    """The first on the PATH that is called as one for the target and makes an object file for it.

    Raises nothing for a program that is no compiler, hangs or compiles for another machine: it is passed over, and
    where no other one is found, the answer says what was wrong with it.
    """
    names = [f"{triplet}-gcc" for triplet in target.names.triplets]
    if shell.run(command("uname", "-m")).text.strip() in target.names.uname:
        names += ["gcc", "cc"]
    wrong: list[str] = []
    for name in names:
        program = shell.run(WHERE.command(name)).text.strip()
        if not program:
            continue
        found = tried(program, target, shell)
        if isinstance(found, Compiler):
            return found
        wrong.append(f"{program} {found}")
    mend = f"install {target.names.triplets[0]}-gcc with its C library, or put the vendor's on the PATH"
    return NoCompiler(target.name, "; ".join(wrong) or f"none of {', '.join(names)} is on the PATH", mend)


def tried(program: str, target: Target, shell: Shell) -> Compiler | str:
    """The compiler, or what is wrong with it."""
    try:
        machine = shell.run(command(program, "-dumpmachine", limit=LIMIT)).text.strip()
        if not TRIPLET.fullmatch(machine):
            return "is no C compiler: asked for its machine, it says " + (repr(machine[:60]) if machine else "nothing")
        version = shell.run(command(program, "--version", limit=LIMIT)).text.partition("\n")[0].strip()
        with tempfile.TemporaryDirectory(prefix="runbook-compiler-") as folder:
            source, made = Path(folder) / "nothing.c", Path(folder) / "nothing.o"
            source.write_text(EMPTY)
            shell.run(command(program, "-c", "-o", str(made), str(source), limit=LIMIT))
            binary = read(made)
    except (RemoteError, BinaryError) as error:
        return f"does not compile: {error.what}"
    if binary.machine not in target.elf.machines:
        return f"compiles for another machine: {binary.architecture}"
    return Compiler(program, machine, version, target.name)
