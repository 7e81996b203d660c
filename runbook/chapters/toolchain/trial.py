"""The trial: what the toolchain built is run on the hosts, hello on each, each package's tests on one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from runbook.chapters.compile.build import Built
from runbook.chapters.toolchain.programs import Programs
from runbook.chapters.toolchain.std_tests import SECONDS, PackageRun, StdTest, outcome_of
from runbook.chapters.toolchain.surroundings import around
from runbook.chapters.visit import Visit, visit
from runbook.errors import RemoteError
from runbook.remote.fleet import Fleet
from runbook.remote.shell import Shell
from runbook.show.tables import table
from runbook.verdict import Basis

HELLO_SECONDS = 30
NET = "net works"  # hello's second line
WAY = 60.0  # seconds more for the program's way to the host


@dataclass(frozen=True)
class Greeting:
    """What hello said on a host, or why it did not."""

    host: str
    basis: Basis
    said: str = ""  # for what it was compiled, and by which Go
    why: str = ""  # it did not run, or package net does not work


@dataclass(frozen=True, repr=False)
class Trial:
    """What became of each program on the hosts; in check mode none was put there, and `why` says so."""

    greetings: tuple[Greeting, ...] = ()
    tests: tuple[PackageRun, ...] = ()
    why: str = ""

    def __str__(self) -> str:
        if self.why:
            return self.why
        greeted = [f"{one.host}: hello {'ran' if one.said else 'did not run'}" for one in self.greetings]
        return "\n".join((*greeted, *map(str, self.tests)))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(("package", "host", "passed", "skipped", "failed", "known to fail", "seconds", ""), (
            (f"<b>{escape(one.package)}</b>", escape(one.host), str(one.passed), str(one.skipped),
             escape(", ".join(one.unexpected) or ("" if one.ok else one.why)),
             escape("; ".join([*(f"{', '.join(known.tests)}: {known.why}" for known in one.known),
                               *(f"{test}: passes now" for test in one.mended)])),
             f"{one.seconds:.1f}", str(one.basis)) for one in self.tests))


def try_out(programs: Programs, fleet: Fleet, basis_for: Callable[[str], Basis]) -> Trial:
    """Hello on every host side by side, then the tests shared out among them. What fails is in the answer."""
    greetings = tuple(fleet.each(lambda shell: greet(programs.hello, shell, basis_for(shell.name))).values())
    able = [one.host for one in greetings if one.said]
    if not able:
        return Trial(greetings)
    shares = {host: programs.tests[place::len(able)] for place, host in enumerate(able)}

    def share(shell: Shell) -> tuple[PackageRun, ...]:
        return tuple(run_tests(built, shell, basis_for(shell.name)) for built in shares[shell.name])

    done = [run for runs in fleet.only(*able).each(share).values() for run in runs]
    order = [built.recipe.package for built in programs.tests]
    return Trial(greetings, tuple(sorted(done, key=lambda run: order.index(run.package))))


def greet(hello: Built, shell: Shell, basis: Basis) -> Greeting:
    try:
        came = visit(shell, hello.path, limit=HELLO_SECONDS + WAY)
    except RemoteError as error:
        return Greeting(shell.name, basis, why=error.what)
    said, _, more = came.output.partition("\n")
    if came.exit_code or not said.startswith("linux/") or not more.startswith(NET):
        return Greeting(shell.name, basis, why=f"{came}: {came.last_words}")
    return Greeting(shell.name, basis, said.strip())


def run_tests(built: Built, shell: Shell, basis: Basis) -> PackageRun:
    """One package's tests in short mode, among the files of its folder and their testdata, as `go test` runs them.

    A host that is lost, or a limit that passes, is the run's own `why`.
    """
    assert isinstance(built.recipe, StdTest)
    words = ("-test.short", "-test.v", f"-test.timeout={SECONDS}s")
    try:
        came: Visit = visit(shell, built.path, *words, limit=SECONDS + WAY,
                            around=around(built.recipe.go.root, built.recipe.package))
    except RemoteError as error:
        return PackageRun(built.recipe.package, built.recipe.target, shell.name, basis, 0, 0, (), None, error.what)
    return outcome_of(built.recipe.package, built.recipe.target, came, basis)
