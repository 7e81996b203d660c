"""A program in C++: built by the C++ compiler that stands beside a passport's C compiler, and run on a host."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.toolchain.compiler import Compiler
from runbook.chapters.toolchain.cross.checks import PROGRAM_CXX
from runbook.chapters.visit import visit
from runbook.elf import read
from runbook.errors import BinaryError, RemoteError
from runbook.remote.command import command
from runbook.remote.shell import Shell

LIMIT = 60.0  # seconds, for the compiler and for the program's visit


@dataclass(frozen=True)
class CxxRun:
    """What the program said on the host; `why` where it did not, `missing` where there is no compiler for it."""

    interpreter: str = ""
    said: str = ""
    why: str = ""
    missing: str = ""


def beside(compiler: Compiler) -> Path:
    """The C++ compiler of the same make: `g++` where the other is called `gcc` or `cc`."""
    path = Path(compiler.program)
    return path.with_name(path.name.removesuffix("gcc").removesuffix("cc") + "g++")


def try_cxx(compiler: Compiler, local: Shell, host: Shell) -> CxxRun:
    """Builds it statically and runs it on the host, which removes it. What fails is told."""
    program = beside(compiler)
    if not program.exists():
        return CxxRun(missing=f"{program} is not on this machine: install it with its library, where C++ is wanted")
    with tempfile.TemporaryDirectory(prefix="runbook-cxx-") as folder:
        source, made = Path(folder) / "says.cc", Path(folder) / "says-static"
        source.write_text(PROGRAM_CXX)
        try:
            local.run(command(str(program), "-static", "-o", str(made), str(source), limit=LIMIT))
            interpreter = read(made).interpreter or ""
            came = visit(host, made, limit=LIMIT)
        except (RemoteError, BinaryError) as error:
            return CxxRun(why=error.what)
    return CxxRun(interpreter, came.output.strip(), f"{came}: {came.last_words}" if came.exit_code else "")
