"""A program half in Go and half in C: built against a host's own C library, and run there."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.compile.build import HOME, IN_FOLDER
from runbook.chapters.compile.decide import environment
from runbook.chapters.toolchain.compiler import Compiler
from runbook.chapters.toolchain.cross.cxx import CxxRun, try_cxx
from runbook.chapters.toolchain.cross.sysroot import Sysroot
from runbook.chapters.toolchain.observe import Go
from runbook.chapters.toolchain.programs import SOURCES
from runbook.chapters.visit import visit
from runbook.elf import read
from runbook.errors import BuildFailed, CommandFailed, RemoteError
from runbook.remote.command import Script
from runbook.remote.shell import Shell
from runbook.targets import Target
from runbook.verdict import Basis

PROGRAM = "cgo"
LIMIT = 300.0  # seconds: runtime/cgo and net are compiled anew for each compiler
RUN_LIMIT = 60.0
FORMS = ("static", "dynamic")


@dataclass(frozen=True)
class CgoRun:
    """How one form of the program was built and what it said on the host; `why` where it did not."""

    form: str
    interpreter: str = ""
    said: str = ""
    why: str = ""


@dataclass(frozen=True, repr=False)
class CgoTrial:
    """Both forms on one host; none was tried where `why` says so."""

    target: str
    host: str = ""
    basis: Basis = Basis.NATIVE
    runs: tuple[CgoRun, ...] = ()
    why: str = ""
    cxx: CxxRun | None = None  # the program in C++ beside them

    def __str__(self) -> str:
        told = [f"cgo: {self.why}"] if self.why else []
        told += [f"{self.host}: cgo, {one.form}: {'did not run' if one.why else 'ran'}" for one in self.runs]
        if self.cxx is not None:
            told.append(f"{self.host}: C++: {'ran' if self.cxx.said and not self.cxx.why else 'did not run'}")
        return "\n".join(told)

    __repr__ = __str__


def try_cgo(go: Go, compiler: Compiler, sysroot: Sysroot, target: Target, local: Shell, host: Shell,
            basis: Basis) -> CgoTrial:
    """Builds it statically and dynamically and runs both on the host that the sysroot is of, and one in C++ too.

    What fails is told.
    """
    runs = []
    with tempfile.TemporaryDirectory(prefix="runbook-cgo-") as folder:
        for form in FORMS:
            made = Path(folder) / f"{PROGRAM}-{form}"
            try:
                build_cgo(go, compiler, sysroot, target, local, made, static=form == "static")
            except BuildFailed as error:
                runs.append(CgoRun(form, why=f"{error.what}: {error.tail}"))
                continue
            try:
                came = visit(host, made, limit=RUN_LIMIT)
            except RemoteError as error:
                runs.append(CgoRun(form, read(made).interpreter, why=error.what))
                continue
            why = f"{came}: {came.last_words}" if came.exit_code else ""
            runs.append(CgoRun(form, read(made).interpreter, came.output.strip(), why))
    return CgoTrial(target.name, host.name, basis, tuple(runs), cxx=try_cxx(compiler, local, host))


def build_cgo(go: Go, compiler: Compiler, sysroot: Sysroot, target: Target, shell: Shell, output: Path, *,
              static: bool) -> None:
    """One build with the compiler of a passport, against the sysroot alone. Raises BuildFailed."""
    root, lib, include = sysroot.path, sysroot.lib, sysroot.include
    seen = dict(environment(go, target.goarch, HOME, cgo=True)) | {
        "PATH": f"{go.root / 'bin'}:/usr/bin:/bin",
        "CC": compiler.program,
        "CGO_CFLAGS": f"-O2 --sysroot={root} -isystem {include}",
        "CGO_LDFLAGS": f"--sysroot={root} -B{lib} -L{lib}",
    }
    linking = ["-linkmode=external"]
    if static:
        linking.append('-extldflags "-static"')
    elif sysroot.place.root != "/":
        # On a host that has the library beside its own, a program finds it only by its full name.
        place = sysroot.place
        start = place.root + target.elf.interpreters[0]
        linking.append(f'-extldflags "-Wl,--dynamic-linker={start} -Wl,-rpath={place.lib}"')
    words = ("env", "-i", *(f"{name}={value}" for name, value in seen.items()), str(go.program), "build", "-trimpath",
             f"-ldflags={' '.join(linking)}", "-o", str(output), f"./{PROGRAM}")
    HOME.mkdir(parents=True, exist_ok=True)
    try:
        shell.run(Script(IN_FOLDER, limit=LIMIT).command(str(SOURCES), *words))
    except CommandFailed as error:
        raise BuildFailed(f"cgo, {output.name}: the build failed", tail=error.tail,
                          next="see whether the compiler is for the target and the sysroot is whole") from error
