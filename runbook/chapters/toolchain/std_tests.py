"""The standard library's own tests: compiled here, run on a host, read line by line."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from runbook.chapters.compile.decide import Recipe
from runbook.chapters.visit import Visit
from runbook.errors import ParameterError
from runbook.verdict import Basis

FILE = Path(__file__).with_name("std_tests.toml")
KNOWN = Path(__file__).with_name("known_failures")
PACKAGE = re.compile(r"[a-z0-9]+(/[a-z0-9]+)*")
OUTCOME = re.compile(r"^--- (PASS|FAIL|SKIP): (\S+)", re.MULTILINE)  # at the margin: a test, not a part of one
SECONDS = 300  # for one package; the usual ones need less than two emulated, net/http ninety on a busy machine


@dataclass(frozen=True)
class KnownFailure:
    """Tests of one target that fail for a reason that is known, on some bases."""

    package: str
    tests: tuple[str, ...]
    bases: tuple[Basis, ...]
    why: str
    source: str  # who saw it, and where


@dataclass(frozen=True, repr=False)
class StdTest(Recipe):
    """The recipe of one package's test program; it depends on Go's own sources, by their hash."""

    go_sources: str = ""

    @property
    def key(self) -> str:
        return hashlib.sha256(f"test in std {super().key} {self.go_sources}".encode()).hexdigest()

    def words(self, output: Path, *more_flags: str) -> tuple[str, ...]:
        """`go test -c` in Go's own module: in another one its go.mod would choose the settings of GODEBUG."""
        own = dict(self.environment) | {"GOFLAGS": "-mod=vendor"}
        module = [flag for flag in self.flags if flag.startswith(("-modfile=", "-mod="))]
        flags = [flag for flag in self.flags if flag not in module]
        return ("env", "-C", str(self.go.root / "src"), "-i", *(f"{name}={value}" for name, value in own.items()),
                str(self.go.program), "test", "-c", *flags, *more_flags, "-o", str(output), self.package)

    def __str__(self) -> str:
        return f"the tests of {self.package}"


@dataclass(frozen=True)
class PackageRun:
    """How the tests of a package went on a host."""

    package: str
    target: str
    host: str
    basis: Basis
    passed: int
    skipped: int
    failed: tuple[str, ...]
    exit_code: int | None  # None: it did not come to an end, `why` says how
    why: str = ""
    seconds: float = 0.0
    names: frozenset[str] = frozenset()  # of what passed

    @property
    def expected(self) -> tuple[KnownFailure, ...]:
        """What of this package is known to fail here."""
        return tuple(one for one in known_failures(self.target)
                     if one.package == self.package and self.basis in one.bases)

    @property
    def known(self) -> tuple[KnownFailure, ...]:
        """What is known of its failures, each with those of its tests that did fail."""
        failed = ((one, tuple(test for test in one.tests if test in self.failed)) for one in self.expected)
        return tuple(replace(one, tests=tests) for one, tests in failed if tests)

    @property
    def mended(self) -> tuple[str, ...]:
        """Tests that are known to fail and passed."""
        return tuple(test for one in self.expected for test in one.tests if test in self.names)

    @property
    def unexpected(self) -> tuple[str, ...]:
        known = {test for one in self.known for test in one.tests}
        return tuple(test for test in self.failed if test not in known)

    @property
    def ok(self) -> bool:
        """Every test passed, was skipped, or is known to fail; a run without a single test is none."""
        whole = self.exit_code == 0 or (self.exit_code == 1 and bool(self.failed))
        return whole and not self.unexpected and bool(self.passed)

    def __str__(self) -> str:
        if self.exit_code is None or (self.exit_code and not self.failed):
            return f"{self.package}: {self.why}"
        told = [f"{self.passed} passed", f"{self.skipped} skipped"]
        old = [test for test in self.failed if test not in self.unexpected]
        told += [f"{', '.join(old)} failed as is known"] if old else []
        told += [f"{', '.join(self.unexpected)} failed"] if self.unexpected else []
        told += [f"{', '.join(self.mended)} passed, though known to fail"] if self.mended else []
        return f"{self.package}: {', '.join(told)}"


def outcome_of(package: str, target: str, came: Visit, basis: Basis) -> PackageRun:
    """Reads what a test program said."""
    outcomes = OUTCOME.findall(came.output)
    names = {state: [name for found, name in outcomes if found == state] for state in ("PASS", "SKIP", "FAIL")}
    return PackageRun(package, target, came.host, basis, len(names["PASS"]), len(names["SKIP"]), tuple(names["FAIL"]),
                      came.exit_code, f"{came}: {_words(came)}" if came.exit_code else "", came.seconds,
                      frozenset(names["PASS"]))


def _words(came: Visit) -> str:
    """A crash begins with what went wrong and ends with a dump of registers."""
    lines = (came.output + "\n" + came.complaint).splitlines()
    telling = [line for line in lines if line.startswith(("panic:", "fatal error:", "SIG", "runtime:"))]
    return (telling[0] if telling else came.last_words).strip()


@cache
def usual_packages() -> tuple[str, ...]:
    """Six that together touch what a port gets wrong first."""
    return tuple(one["name"] for one in tomllib.loads(FILE.read_text("utf-8"))["package"])


def chosen(packages: list[str]) -> tuple[str, ...]:
    """The packages that a person asked for, else the usual ones. Raises ParameterError for what is no package."""
    for name in packages:
        if not isinstance(name, str) or not PACKAGE.fullmatch(name):
            raise ParameterError(f"packages: {name!r} is no package of the standard library",
                                 next='name them as Go does: ["strconv", "crypto/sha256"]')
    return tuple(packages) or usual_packages()


@cache
def known_failures(target: str) -> tuple[KnownFailure, ...]:
    """Those of a target, of its own file; without one none is known."""
    file = KNOWN / f"{target}.toml"
    if not file.exists():
        return ()
    return tuple(KnownFailure(one["package"], tuple(one["tests"]), tuple(map(Basis, one["basis"])), one["why"],
                              one["source"])
                 for one in tomllib.loads(file.read_text("utf-8"))["known_failure"])
