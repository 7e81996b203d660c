"""Measuring: the probe of each target that has a compiler here, run where its programs run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from runbook import targets
from runbook.chapters.abi.convention import Convention, convention_of
from runbook.chapters.abi.disassembly import Code, take_apart
from runbook.chapters.abi.probe import compile_probe, probe_for
from runbook.chapters.toolchain.compiler import Compiler, NoCompiler, find_compiler
from runbook.chapters.visit import Visit, visit
from runbook.elf.symbols import Function, exported_functions
from runbook.errors import BinaryError, BuildFailed, RemoteError
from runbook.remote.command import Script, command
from runbook.remote.shell import Shell
from runbook.targets import Target
from runbook.verdict import Basis

RUN_LIMIT = 180.0  # seconds: all probes together need a tenth of one; one that hangs is ended after 20
BEGINS = "probe word "  # the program's own first words: whatever says something else did not run it
WHERE = Script('command -v -- "$1" || :')


@dataclass(frozen=True)
class Compilers:
    """The C compilers of this machine: for the site's target, for this machine itself, and for others."""

    site: Target
    own: Target | None  # this machine's; None: no target file describes it
    found: dict[str, Compiler | NoCompiler] = field(hash=False)
    emulators: dict[str, str] = field(hash=False)  # of this machine, by target

    @property
    def others(self) -> tuple[Target, ...]:
        """Targets that nobody asked for, but that can be compiled for and run here: more to compare with."""
        known = {self.site.name, self.own.name if self.own else ""}
        return tuple(targets.load_target(name) for name, compiler in self.found.items()
                     if compiler and name not in known and name in self.emulators)

    def __str__(self) -> str:
        own = self.found[self.own.name] if self.own else None
        return f"{self.found[self.site.name]}\nthis machine's own: {'a C compiler' if own else 'no C compiler'}"

    __repr__ = __str__


@dataclass(frozen=True)
class Measured:
    """One target: its convention as a program saw it, or why nothing was seen."""

    target: Target
    host: str = ""  # where it ran
    basis: Basis = Basis.NATIVE
    compiler: str = ""
    tried: bool = True  # whether the probe's assembly was assembled before
    convention: Convention | None = None
    code: Code = Code(why="not taken apart")
    functions: tuple[Function, ...] = ()  # that the probe's program exports
    why: str = ""

    def __str__(self) -> str:
        return f"{self.target.name}: {'measured' if self.convention else 'not measured: ' + self.why}"


def compilers(site: Target, local: Shell) -> Compilers:
    """Looks for the compilers of every target that has a probe; nothing is installed."""
    own = targets.of_machine(local.run(command("uname", "-m")).text.strip())
    wanted = [name for name in targets.names()
              if name in (site.name, own and own.name) or probe_for(targets.load_target(name))]
    emulators = {}
    for name in wanted:
        program = targets.load_target(name).names.qemu_user
        if program and local.run(WHERE.command(program)).text.strip():
            emulators[name] = program
    return Compilers(site, own, {name: find_compiler(targets.load_target(name), local) for name in wanted}, emulators)


def measure(target: Target, compiler: Compiler | NoCompiler, local: Shell, keep: Callable[[Path], None],
            shell: Shell, basis: Basis, emulator: str = "") -> Measured:
    """Compiles the probe on `local`, hands the program to `keep`, and runs it on `shell`.

    What is missing or fails is in the answer, so that the rest of a chapter goes on.
    """
    probe = probe_for(target)
    if probe is None:
        return Measured(target, why=f"nobody has written the probe's assembly for {target.name}: imitate the nearest "
                                    "of runbook/targets/probes/")
    if not isinstance(compiler, Compiler):
        return Measured(target, tried=probe.tried, why=str(compiler))
    with tempfile.TemporaryDirectory(prefix="runbook-probe-") as folder:
        program = Path(folder) / f"abi-probe-{target.name}"
        try:
            compile_probe(probe, compiler, target, local, program)
            keep(program)
            code, functions = take_apart(program, compiler, local), exported_functions(program)
            came = visit(shell, program, limit=RUN_LIMIT, by=emulator)
        except (BinaryError, BuildFailed, RemoteError) as error:
            return Measured(target, compiler=compiler.version, tried=probe.tried, why=_in_one_line(error))
    about = Measured(target, shell.name, basis, compiler.version, probe.tried, code=code, functions=functions)
    if not came.output.startswith(BEGINS):
        return replace(about, why=_did_not_run(came, target))
    return replace(about, convention=convention_of(came.output))


def _did_not_run(came: Visit, target: Target) -> str:
    helper = target.names.qemu_user
    mend = f"a host of another machine needs {helper}, registered by binfmt_misc" if helper else "is it the target's?"
    return f"{came.host} does not run programs for {target.name} ({came}: {came.last_words}); {mend}"


def _in_one_line(error: BinaryError | BuildFailed | RemoteError) -> str:
    last = error.tail.splitlines()[-1].strip() if error.tail else ""
    return "; ".join(part for part in (error.what, last, error.next) if part)
