"""What the inspection does to measure a calling convention: the functions that its notebook calls."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from runbook.chapter import Chapter
from runbook.chapters import pictures
from runbook.chapters.abi import registers, stride
from runbook.chapters.abi.across import Across
from runbook.chapters.abi.compare import Comparison, compare
from runbook.chapters.abi.conformity import follows, follows_altogether
from runbook.chapters.abi.go_convention import GoConvention, GoConventions, measure_go, verify_go
from runbook.chapters.abi.judges import Conventions
from runbook.chapters.abi.measure import Compilers, Measured, measure
from runbook.chapters.abi.measure import compilers as find_compilers
from runbook.chapters.abi.verify import sizes_of_the_target
from runbook.chapters.article import named_architecture
from runbook.chapters.compile.build import HOME, KEPT, Built
from runbook.chapters.hosts.processor import CACHES, PAGE_SIZE
from runbook.chapters.hosts.system import UNAME
from runbook.chapters.toolchain.observe import find_go
from runbook.errors import Blocked, RemoteError
from runbook.show.picture import Picture
from runbook.targets import load_target, names
from runbook.verdict import Basis, Verdicts, skipped

ONLY_LOOKED = "check mode: no program is put on a host"
OWN = "this machine's own"


@dataclass(frozen=True, repr=False)
class Conventional:
    """What the probes told: the site's target first, this machine's own beside it, then others."""

    site: Measured
    own: Measured | None
    others: tuple[Measured, ...] = ()

    @property
    def all(self) -> tuple[Measured, ...]:
        return (self.site, *((self.own,) if self.own else ()), *self.others)

    def __str__(self) -> str:
        own = f"\n{OWN}: {'measured' if self.own.convention else 'not measured'}" if self.own else ""
        return f"{self.site}{own}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.compared()._repr_html_()

    @property
    def with_the_articles(self) -> tuple[Measured, ...]:
        """Beside what was measured, what is expected of the architecture that the article is about."""
        named = next((load_target(name) for name in names() if load_target(name).goarch == named_architecture()), None)
        return self.all if named is None or named in [one.target for one in self.all] else (*self.all, Measured(named))

    def compared(self) -> Comparison:
        """What the article says, what sources say, and what was measured."""
        return compare(self.with_the_articles, (self.site.target.name,))

    def across(self) -> Across:
        """All targets in one table."""
        return Across(self.with_the_articles)


def compilers(chapter: Chapter) -> Compilers:
    """The C compilers of this machine."""
    return find_compilers(chapter.target, chapter.local)


def measured(chapter: Chapter, found: Compilers) -> Conventional:
    """Compiles the probes here, runs the target's on a host of the site and the others on this machine."""
    site, local, keep = chapter.target, chapter.local, _keeper(chapter)
    if chapter.check:
        seen = Measured(site, why=ONLY_LOOKED)
    else:
        host = _host_for(chapter)
        seen = measure(site, found.found[site.name], local, keep, chapter.fleet[host], chapter.basis_for(host))
    own = found.own
    beside = own and own.name != site.name
    return Conventional(
        seen,
        _here(measure(own, found.found[own.name], local, keep, local, Basis.NATIVE)) if own and beside else None,
        tuple(_here(measure(target, found.found[target.name], local, keep, local, Basis.EMULATED,
                      found.emulators[target.name])) for target in found.others))


def follows_the_convention(chapter: Chapter, seen: Conventional) -> Verdicts:
    """Whether each item is as the target file expects, for the site's target and for this machine."""
    beside = (follows_altogether(seen.own, OWN),) if seen.own else ()
    return follows(seen.site) + beside


def go_measured(chapter: Chapter) -> GoConventions:
    """Go's own convention by the site's Go, for its target and for others; nothing is run. Where the site's Go is
    missing, or has to be built first, the answer says so, and the rest of the chapter goes on."""
    try:
        go = find_go(chapter.site, chapter.local)
    except (Blocked, RemoteError) as error:
        return GoConventions(None, (GoConvention(chapter.target, why=error.what),))
    HOME.mkdir(parents=True, exist_ok=True)
    return measure_go(go, chapter.target, chapter.local, HOME)


def follows_gos_own(_: Chapter, seen: GoConventions) -> Verdicts:
    """Whether Go's compiler does for the site's target what that Go's own sources say."""
    return verify_go(seen.measured[0])


def register_files(chapter: Chapter, seen: Conventional) -> Picture:
    """The registers of each target by their roles, kept for the report."""
    return pictures.keep(chapter, registers.picture(seen.with_the_articles))


def sizes(chapter: Chapter) -> Verdicts:
    """Whether page size and cache line are the target's, asked anew, and the line measured where the target is."""
    told = sizes_of_the_target(chapter.fleet.ask(UNAME, PAGE_SIZE, CACHES), chapter.target)
    if chapter.check:
        return told + (skipped(stride.WHAT, ONLY_LOOKED),)

    def program() -> Built:
        return stride.stride_program(find_go(chapter.site, chapter.local), chapter.target, chapter.local, HOME, KEPT)

    try:
        return told + stride.lines_of(chapter.fleet, chapter.target, chapter.basis_for, program)
    except (Blocked, RemoteError) as error:
        return told + (skipped(stride.WHAT, f"there is no program to measure with: {error.what}"),)


def evidence(seen: Conventional) -> Conventions:
    """What the judges of the register table decide by."""
    return Conventions(seen.site.target, seen.all)


def _here(measured: Measured) -> Measured:
    """This machine is none of the site's hosts."""
    return replace(measured, host="")


def _host_for(chapter: Chapter) -> str:
    """A host that is the target's own machine, else the first."""
    names = chapter.fleet.names
    return next((name for name in names if chapter.basis_for(name) is Basis.NATIVE), names[0])


def _keeper(chapter: Chapter) -> Callable[[Path], None]:
    """Puts a compiled probe among the run's artefacts."""
    def keep(program: Path) -> None:
        kept = chapter.run.artifacts / program.name
        shutil.copy2(program, kept)
        chapter.run.keep(program.name, kept)
    return keep
