"""What is tried of a C toolchain when a stage of it is done; each check can fail, and says what it saw."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from runbook.chapters.toolchain.compiler import Compiler, tried
from runbook.elf import read
from runbook.errors import BinaryError, RemoteError
from runbook.remote.command import command
from runbook.remote.shell import Shell
from runbook.targets import Target
from runbook.verdict import State, Verdict, failed, passed, skipped

LIMIT = 60.0  # seconds for one call
EMPTY = ".globl nothing\nnothing:\n"
SAYS = "built from source"
PROGRAM = f'#include <stdio.h>\nint main(void) {{ puts("{SAYS}"); return 0; }}\n'
PROGRAM_CXX = f"""#include <iostream>
#include <stdexcept>
#include <string>
int main() {{
  try {{ throw std::runtime_error("{SAYS}"); }}
  catch (const std::exception &seen) {{ std::cout << std::string(seen.what()) << std::endl; }}
}}
"""  # an exception has to find its way through the unwinder, and the library is used, not only linked
VERSION = re.compile(r"#define LINUX_VERSION_CODE (\d+)")


@dataclass(frozen=True)
class Tree:
    """A C toolchain as it lies in folders."""

    target: Target
    triplet: str
    prefix: Path
    sysroot: Path

    def tool(self, name: str) -> str:
        return str(self.prefix / "bin" / f"{self.triplet}-{name}")


Check = Callable[[Tree, Shell], Verdict]


def assembles(tree: Tree, shell: Shell) -> Verdict:
    """The assembler makes an object for the target, and the linker is there."""
    what = "the assembler"
    with _folder() as folder:
        source, made = folder / "nothing.s", folder / "nothing.o"
        source.write_text(EMPTY)
        try:
            shell.run(command(tree.tool("as"), "-o", str(made), str(source), limit=LIMIT))
            binary = read(made)
            linker = shell.run(command(tree.tool("ld"), "--version", limit=LIMIT)).text.partition("\n")[0]
        except (RemoteError, BinaryError) as error:
            return failed(what, f"{error.what}: {error.tail}")
    if binary.machine not in tree.target.elf.machines:
        return failed(what, f"makes objects for another machine: {binary.architecture}")
    return passed(what, f"makes objects for {tree.target.name}; {linker}")


def kernel_headers(tree: Tree, shell: Shell) -> Verdict:
    """The headers of a kernel are in the sysroot, of which release, with the target's own folder."""
    what, include = "the kernel's headers", tree.sysroot / "usr" / "include"
    try:
        found = VERSION.search((include / "linux" / "version.h").read_text())
        (include / "asm" / "unistd.h").read_text()
    except OSError as error:
        return failed(what, f"{error.filename}: {error.strerror}")
    if not found:
        return failed(what, "linux/version.h names no release")
    code = int(found[1])
    return passed(what, f"of Linux {code >> 16}.{code >> 8 & 255}.{code & 255}, for {tree.target.names.kernel}")


def compiles(tree: Tree, shell: Shell) -> Verdict:
    """The C compiler makes an object for the target."""
    found = tried(tree.tool("gcc"), tree.target, shell)
    if not isinstance(found, Compiler):
        return failed("the compiler", f"{tree.tool('gcc')} {found}")
    return passed("the compiler", f"makes objects for {tree.target.name}; {found.version}")


def c_library(tree: Tree, shell: Shell) -> Verdict:
    """The C library is in the sysroot, for the target, static and shared, with its program interpreter."""
    what = "the C library"
    try:
        for name in ("libc.so.6", "libc.a", "crt1.o"):
            found = [path for path in tree.sysroot.rglob(name) if path.is_file()]
            if not found:
                return failed(what, f"no {name} below {tree.sysroot.name}")
            if name != "libc.a" and read(found[0]).machine not in tree.target.elf.machines:
                return failed(what, f"{name} is for another machine: {read(found[0]).architecture}")
    except BinaryError as error:
        return failed(what, error.what)
    there = [one for one in tree.target.elf.interpreters if (tree.sysroot / one.lstrip("/")).exists()]
    if not there:
        return failed(what, f"none of the target's interpreters is there: {', '.join(tree.target.elf.interpreters)}")
    return passed(what, f"is for {tree.target.name}, static and shared; programs start by {there[0]}")


def builds_programs(tree: Tree, shell: Shell) -> Verdict:
    """A static and a dynamic program in C are built; the target's emulator, or this machine itself, runs them."""
    return _builds(tree, shell, "programs", "gcc", PROGRAM, "says.c")


def builds_cxx_programs(tree: Tree, shell: Shell) -> Verdict:
    """The same in C++, with an exception that is thrown and caught and C++'s own library."""
    return _builds(tree, shell, "C++ programs", "g++", PROGRAM_CXX, "says.cc")


def builds_c_and_cxx_programs(tree: Tree, shell: Shell) -> Verdict:
    """Both, in C first."""
    c, cxx = builds_programs(tree, shell), builds_cxx_programs(tree, shell)
    worse = next((one for one in (c, cxx) if one.state is State.FAIL), None)
    return worse or replace(cxx, what="C and C++ programs")


def _builds(tree: Tree, shell: Shell, what: str, compiler: str, program: str, name: str) -> Verdict:
    with _folder() as folder:
        (folder / name).write_text(program)
        for flags in (("-static",), ()):
            made = folder / ("static" if flags else "dynamic")
            try:
                shell.run(command(tree.tool(compiler), *flags, "-o", str(made), str(folder / name), limit=LIMIT))
                binary = read(made)
            except (RemoteError, BinaryError) as error:
                return failed(what, f"{made.name}: {error.what}: {error.tail}")
            if binary.machine not in tree.target.elf.machines:
                return failed(what, f"{made.name}: for another machine: {binary.architecture}")
            wanted = ("",) if flags else tree.target.elf.interpreters
            if (binary.interpreter or "") not in wanted:
                return failed(what, f"{made.name}: its interpreter is {binary.interpreter or 'none'}")
        return _run(tree, shell, what, compiler, folder)


def _run(tree: Tree, shell: Shell, what: str, compiler: str, folder: Path) -> Verdict:
    native = shell.run(command("uname", "-m")).text.strip() in tree.target.names.uname
    emulator = "" if native else shutil.which(tree.target.names.qemu_user or "-") or ""
    if not native and not emulator:
        lacking = tree.target.names.qemu_user or "an emulator, of which none is known"
        return skipped(what, f"built, static and dynamic, but not run: {lacking} is not on this machine")
    by = (emulator, "-L", str(tree.sysroot)) if emulator else ()
    for name in ("static", "dynamic"):
        if native and name == "dynamic":
            continue  # the machine's own C library would start it, not the one that was built
        try:
            more = ("-E", f"LD_LIBRARY_PATH={_libraries(tree, shell, compiler)}") if name == "dynamic" else ()
            said = shell.run(command(*by, *more, str(folder / name), limit=LIMIT)).text.strip()
        except RemoteError as error:
            return failed(what, f"{name}: {error.what}")
        if said != SAYS:
            return failed(what, f"{name}: it said {said!r}")
    return passed(what, f"static and dynamic, built and run{', emulated' if emulator else ' (static) here'}")


def _libraries(tree: Tree, shell: Shell, compiler: str) -> str:
    """Where the compiler's own shared libraries are: beside it, not in the sysroot; a program is told of them."""
    found = shell.run(command(tree.tool(compiler), "-print-file-name=libgcc_s.so.1", limit=LIMIT)).text.strip()
    return str(Path(found).resolve().parent) if "/" in found else ""


CHECKS: dict[str, Check] = {
    "assembles": assembles, "kernel headers": kernel_headers, "compiles": compiles, "C library": c_library,
    "builds programs": builds_programs, "builds C++ programs": builds_cxx_programs,
    "builds C and C++ programs": builds_c_and_cxx_programs,
}


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="runbook-check-") as folder:
        yield Path(folder)
