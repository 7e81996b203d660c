"""What the toolchain is tried with: hello, and test programs of the standard library, built for the target."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from runbook.chapters.compile.build import HOME, KEEP, KEPT, Built, build
from runbook.chapters.compile.decide import Recipe, recipe_for
from runbook.chapters.compile.sources import read_sources
from runbook.chapters.toolchain.passport import Passport
from runbook.chapters.toolchain.std_tests import StdTest
from runbook.remote.shell import Shell
from runbook.targets import Target

HELLO, STARTUP = "hello", "startup"
SOURCES = Path(__file__).with_name("go")
TRIALS = KEPT / "trials"
"""Apart from the services' builds, so that neither makes the other be forgotten."""


@dataclass(frozen=True, repr=False)
class Recipes:
    """One for hello, one for each package, and the program that starts itself, for the target and for this machine."""

    hello: Recipe
    tests: tuple[StdTest, ...]
    starting: tuple[Recipe, ...] = ()

    def __str__(self) -> str:
        return "\n".join(map(str, (self.hello, *self.starting[:1], *self.tests)))

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Programs:
    """What was built."""

    hello: Built
    tests: tuple[Built, ...]
    starting: tuple[Built, ...] = ()

    def __str__(self) -> str:
        names = (HELLO, *(STARTUP for _ in self.starting[:1]), *(str(built.recipe) for built in self.tests))
        return "\n".join(f"{one}: for the target" for one in names)

    __repr__ = __str__


def recipes(seen: Passport, target: Target, packages: tuple[str, ...], own: Target | None = None) -> Recipes:
    """How each is built. Raises Blocked where this Go cannot build for the target.

    `own` is this machine, for which what starts itself is built too, where that is another one and Go knows it.
    """
    sources = read_sources(SOURCES, HELLO)
    hello = recipe_for(HELLO, sources, seen.go, target, HOME)
    beside = (own,) if own is not None and own.name != target.name and seen.go.builds_for(own.goarch) else ()
    starting = tuple(recipe_for(STARTUP, sources, seen.go, one, HOME) for one in (target, *beside))
    return Recipes(hello, tuple(_test(hello, package, seen.sources) for package in packages), starting)


def _test(hello: Recipe, package: str, go_sources: str) -> StdTest:
    same = {field.name: getattr(hello, field.name) for field in fields(Recipe)}
    same |= {"service": f"{package.replace('/', '-')}.test", "package": package}
    return StdTest(**same, go_sources=go_sources)


def build_all(wanted: Recipes, shell: Shell) -> Programs:
    """Builds them, or takes what the same toolchain built before. Raises BuildFailed."""
    keep = KEEP + len(wanted.tests)
    hello, *tests = (build(one, shell, TRIALS, keep) for one in (wanted.hello, *wanted.tests))
    return Programs(hello, tuple(tests), tuple(build(one, shell, TRIALS, keep) for one in wanted.starting))
