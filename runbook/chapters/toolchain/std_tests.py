"""The standard library's own tests: compiled here, run on a host, read line by line."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from runbook.chapters.compile.decide import Recipe
from runbook.chapters.visit import Visit
from runbook.errors import ParameterError
from runbook.verdict import Basis

FILE = Path(__file__).with_name("std_tests.toml")
PACKAGE = re.compile(r"[a-z0-9]+(/[a-z0-9]+)*")
OUTCOME = re.compile(r"^--- (PASS|FAIL|SKIP): (\S+)", re.MULTILINE)  # at the margin: a test, not a part of one
SECONDS = 120  # for one package, emulated; the usual ones need less than two


@dataclass(frozen=True)
class KnownFailure:
    """Tests that fail for a reason that is known, on one basis."""

    package: str
    tests: tuple[str, ...]
    basis: Basis
    why: str


@dataclass(frozen=True, repr=False)
class StdTest(Recipe):
    """The recipe of one package's test program; it depends on Go's own sources, by their hash."""

    go_sources: str = ""

    @property
    def key(self) -> str:
        return hashlib.sha256(f"test {super().key} {self.go_sources}".encode()).hexdigest()

    def words(self, output: Path, *more_flags: str) -> tuple[str, ...]:
        """`go test -c` with what `go build` gets."""
        words = super().words(output, *more_flags)
        verb = words.index("build")
        return (*words[:verb], "test", "-c", *words[verb + 1:])

    def __str__(self) -> str:
        return f"the tests of {self.package}"


@dataclass(frozen=True)
class PackageRun:
    """How the tests of a package went on a host."""

    package: str
    host: str
    basis: Basis
    passed: int
    skipped: int
    failed: tuple[str, ...]
    exit_code: int | None  # None: it did not come to an end, `why` says how
    why: str = ""
    seconds: float = 0.0

    @property
    def known(self) -> tuple[KnownFailure, ...]:
        """What is known of its failures."""
        return tuple(one for one in known_failures() if one.package == self.package and one.basis is self.basis
                     and set(one.tests) & set(self.failed))

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
        failed = f", {', '.join(self.failed)} failed" if self.failed else ""
        return f"{self.package}: {self.passed} passed, {self.skipped} skipped{failed}"


def outcome_of(package: str, came: Visit, basis: Basis) -> PackageRun:
    """Reads what a test program said."""
    outcomes = OUTCOME.findall(came.output)
    count = {state: sum(found == state for found, _ in outcomes) for state in ("PASS", "SKIP")}
    failed = tuple(name for state, name in outcomes if state == "FAIL")
    return PackageRun(package, came.host, basis, count["PASS"], count["SKIP"], failed, came.exit_code,
                   f"{came}: {_words(came)}" if came.exit_code else "", came.seconds)


def _words(came: Visit) -> str:
    """A crash begins with what went wrong and ends with a dump of registers."""
    lines = (came.output + "\n" + came.complaint).splitlines()
    telling = [line for line in lines if line.startswith(("panic:", "fatal error:", "SIG", "runtime:"))]
    return (telling[0] if telling else came.last_words).strip()


@cache
def usual_packages() -> tuple[str, ...]:
    """Four that together touch what a port gets wrong first."""
    return tuple(one["name"] for one in tomllib.loads(FILE.read_text("utf-8"))["package"])


def chosen(packages: list[str]) -> tuple[str, ...]:
    """The packages that a person asked for, else the usual ones. Raises ParameterError for what is no package."""
    for name in packages:
        if not isinstance(name, str) or not PACKAGE.fullmatch(name):
            raise ParameterError(f"packages: {name!r} is no package of the standard library",
                                 next='name them as Go does: ["strconv", "crypto/sha256"]')
    return tuple(packages) or usual_packages()


@cache
def known_failures() -> tuple[KnownFailure, ...]:
    return tuple(KnownFailure(one["package"], tuple(one["tests"]), Basis(one["basis"]), one["why"])
                 for one in tomllib.loads(FILE.read_text("utf-8"))["known_failure"])
