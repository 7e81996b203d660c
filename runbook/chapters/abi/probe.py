"""The probe of a target: its sources, and the program that its C compiler makes of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from runbook import targets
from runbook.chapters.toolchain.compiler import Compiler
from runbook.elf import read
from runbook.errors import BinaryError, BuildFailed, CommandFailed
from runbook.remote.command import command
from runbook.remote.shell import Shell
from runbook.targets import Target

SOURCES = Path(__file__).with_name("c")
ROUTINES = targets.FOLDER / "probes"
LIMIT = 120.0  # seconds; two are usual
# Optimised, so that few copies of an argument lie about besides the one that counts; static, since the host need not
# have the compiler's C library.
FLAGS = ("-std=gnu11", "-O1", "-static")


@dataclass(frozen=True)
class Probe:
    """C for all targets, assembly for one; `tried` is false where nobody has assembled it yet."""

    target: Target
    routines: Path
    flags: tuple[str, ...]
    tried: bool
    addl: str = ""  # the instruction that the article has a word on, as extended assembly; empty: there is none

    def words(self, compiler: str, output: Path) -> tuple[str, ...]:
        call, registers = self.target.syscall, self.target.registers
        given = {"TARGET": str(self.routines.with_suffix(".h")), "STACK_POINTER": registers.stack_pointer,
                 "CALL": call.instruction, "CALL_NUMBER": call.number, "CALL_ARGUMENT": call.arguments[0]}
        given |= {"ADDL": self.addl} if self.addl else {}
        return (compiler, *FLAGS, *self.flags, *(f'-DPROBE_{name}="{text}"' for name, text in given.items()),
                "-o", str(output), *map(str, sorted(SOURCES.glob("*.c"))), str(self.routines))


def probe_for(target: Target, folder: Path = ROUTINES) -> Probe | None:
    """The probe of a target; None where nobody has written its assembly."""
    told = tomllib.loads((folder / "index.toml").read_text("utf-8")).get(target.name)
    if told is None:
        return None
    return Probe(target, folder / f"{target.name}.S", tuple(told["flags"]), bool(told["tried"]), told.get("addl", ""))


def compile_probe(probe: Probe, compiler: Compiler, target: Target, shell: Shell, output: Path) -> None:
    """Makes the program. Raises BuildFailed with the compiler's own words, or where it is for another machine."""
    try:
        shell.run(command(*probe.words(compiler.program, output), limit=LIMIT))
        binary = read(output)
    except (CommandFailed, BinaryError) as error:
        hint = "is the C library for static linking there (libc.a)?"
        if not probe.tried:
            hint = f"{probe.routines.name} was written from sources and never assembled: mend the line that is named"
        raise BuildFailed(f"{compiler.program} does not make the probe for {target.name}", tail=error.tail,
                          next=hint) from error
    if binary.machine not in target.elf.machines:
        raise BuildFailed(f"{compiler.program} makes programs for {binary.architecture}, not for {target.name}",
                          next=f"put the compiler for {target.name} first on the PATH")
