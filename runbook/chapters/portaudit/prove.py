"""The proof that what was ported works: the tests of each mended package, compiled for the target and run on a host."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.compile.build import HOME, IN_FOLDER, LIMIT
from runbook.chapters.compile.decide import environment
from runbook.chapters.portaudit.apply import Ported
from runbook.chapters.portaudit.cause import LINE
from runbook.chapters.toolchain.observe import Go
from runbook.chapters.toolchain.std_tests import PackageRun, outcome_of
from runbook.chapters.visit import visit
from runbook.errors import CommandFailed, CommandTimedOut
from runbook.remote.command import Script
from runbook.remote.shell import Shell
from runbook.targets import Target
from runbook.verdict import Basis

SECONDS = 180.0  # for the tests of one package on the host, an emulated one among them


@dataclass(frozen=True)
class Proof:
    """One mended package on a host: how its tests went, or why they could not be compiled."""

    package: str
    went: PackageRun | None
    why: str = ""

    @property
    def ok(self) -> bool:
        """No tests at all prove nothing."""
        return self.went is not None and self.went.exit_code == 0 and bool(self.went.passed)

    def __str__(self) -> str:
        if self.went is None:
            return f"✗ {self.package}: not proven: {self.why}"
        mark, basis = "✓" if self.ok else "✗", " (emulated)" if self.went.basis is Basis.EMULATED else ""
        return f"{mark} {self.went} on {self.went.host}{basis}"


def prove(ported: Ported, go: Go, target: Target, local: Shell, host: Shell, machine: str) -> tuple[Proof, ...]:
    """One proof a mended package. `machine` is the host's own name for its machine: it tells emulated from native.

    Tests that read files of their package find none on the host, and say so. Raises the errors of the host.
    """
    basis = Basis.NATIVE if machine in target.names.uname else Basis.EMULATED
    packages = dict.fromkeys(finding.package for finding, _ in ported.applied if finding.package)
    with tempfile.TemporaryDirectory(prefix="runbook-port-") as folder:
        return tuple(_proof(package, ported, go, target, local, host, basis, Path(folder)) for package in packages)


def _proof(package: str, ported: Ported, go: Go, target: Target, local: Shell, host: Shell, basis: Basis,
           folder: Path) -> Proof:
    program = folder / f"{package.replace('/', '_')}.test"
    pairs = environment(go, target.goarch, HOME)
    words = ("env", "-i", *(f"{name}={value}" for name, value in pairs), str(go.program), "test", "-c", "-trimpath",
             "-vet=off", *ported.flags, "-o", str(program), package)
    try:
        local.run(Script(IN_FOLDER, limit=LIMIT).command(str(ported.after.folder), *words))
    except CommandFailed as error:
        first = LINE.search(error.tail)  # the first of the compiler's errors, without the way to the copy
        return Proof(package, None, f"{Path(first['file']).name}:{first['line']}: {first['words']}" if first
                     else error.tail.strip().splitlines()[-1] if error.tail.strip() else error.what)
    if not program.exists():  # Go says `no test files` and ends well
        return Proof(package, None, "the module has no tests for it")
    try:
        came = visit(host, program, "-test.v", "-test.short", limit=SECONDS)
    except CommandTimedOut as error:
        return Proof(package, None, error.what)
    return Proof(package, outcome_of(package, target.name, came, basis))
