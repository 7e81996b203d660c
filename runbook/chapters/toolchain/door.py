"""What the toolchain chapter does: the functions that its notebook calls."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

from runbook.chapter import Chapter
from runbook.chapters.buildhost.bench import bench
from runbook.chapters.buildhost.observe import build_host
from runbook.chapters.toolchain import judges as judges  # hears the chapter's claims once it is imported
from runbook.chapters.toolchain.compiler import find_compiler
from runbook.chapters.toolchain.cross.door import built_from
from runbook.chapters.toolchain.evidence import Port, evidence
from runbook.chapters.toolchain.judges import Toolchain, look_into
from runbook.chapters.toolchain.make import LOG, make
from runbook.chapters.toolchain.make_there import make_there
from runbook.chapters.toolchain.observe import find_go, require_whole
from runbook.chapters.toolchain.origin import Origin, Wanted, origin_of
from runbook.chapters.toolchain.origin import to_make as to_make  # the decision that belongs to `origin`
from runbook.chapters.toolchain.passport import FILE as PASSPORT
from runbook.chapters.toolchain.passport import Passport, passport
from runbook.chapters.toolchain.programs import Programs, Recipes, build_all, recipes
from runbook.chapters.toolchain.started import Started, verify_starts
from runbook.chapters.toolchain.startup import start_up
from runbook.chapters.toolchain.std_tests import chosen
from runbook.chapters.toolchain.trial import Trial, try_out
from runbook.chapters.toolchain.verify import verify_programs, verify_toolchain
from runbook.targets import Target, of_machine
from runbook.verdict import Basis, Verdicts

ONLY_LOOKED = "check mode: no program is put on a host"


def origin(chapter: Chapter) -> Origin:
    """Where the site's Go lies; unpacked, or fetched from a host, where that was not done before. Where it is to be
    built, the host that does so is asked too."""
    seen = origin_of(chapter.site, chapter.local)
    return replace(seen, host=build_host(chapter)) if seen.making else seen


def made(chapter: Chapter, wanted: Wanted) -> Passport:
    """Builds the site's Go where it came as sources, keeps the log, and reads what is there. Raises BuildFailed, and
    where a host builds it Blocked and the errors of a host."""
    if wanted.making is not None:
        if found_bench := bench(chapter, wanted.place):
            make_there(wanted.making, found_bench, chapter.site.build.go)
        else:
            make(wanted.making, chapter.local)
        chapter.run.keep(LOG, shutil.copy2(wanted.making.folder / LOG, chapter.run.artifacts / LOG))
    return found(chapter)


def found(chapter: Chapter) -> Passport:
    """The site's Go and a C compiler, by content. Raises Blocked with the mending command where Go is missing."""
    go = find_go(chapter.site, chapter.local)
    require_whole(go, chapter.target, chapter.local)
    return passport(go, chapter.target, find_compiler(chapter.target, chapter.local), chapter.local)


def what_to_build(seen: Passport, target: Target, packages: list[str]) -> Recipes:
    """Hello and the packages' tests. Raises Blocked where this Go does not know the target."""
    return recipes(seen, target, chosen(packages), of_machine(os.uname().machine))


def passport_written(chapter: Chapter, seen: Passport) -> Passport:
    """Puts the passport among the run's artefacts; later chapters tell the toolchain by it."""
    path = chapter.run.artifacts / PASSPORT
    path.write_text(seen.to_toml(), "utf-8")
    chapter.run.keep(PASSPORT, path)
    return seen


def built(chapter: Chapter, wanted: Recipes) -> Programs:
    """Builds them for the target, or takes what the same toolchain built before. Raises BuildFailed."""
    made = build_all(wanted, chapter.local)
    kept = chapter.run.artifacts / made.hello.path.name
    shutil.copy2(made.hello.path, kept)
    chapter.run.keep(kept.name, kept)
    return made


def tried(chapter: Chapter, programs: Programs) -> Trial:
    """Runs them on the hosts, from folders that the hosts remove; nothing stays there."""
    if chapter.check:
        return Trial(why=ONLY_LOOKED)
    return try_out(programs, chapter.fleet, chapter.basis_for)


def started(chapter: Chapter, programs: Programs) -> Started:
    """How the program that starts itself does so, for the target on the first host, for this machine here."""
    if chapter.check:
        return Started(chapter.target, None)
    site, *beside = programs.starting
    host = chapter.fleet.names[0]
    seen = start_up(site, chapter.fleet[host], chapter.target.name, chapter.basis_for(host))
    own = tuple(start_up(one, chapter.local, one.recipe.target, Basis.NATIVE) for one in beside)
    return Started(chapter.target, seen, *own)


def starts(_: Chapter, seen: Started) -> Verdicts:
    """Whether every start came to its end, with its times."""
    return verify_starts(seen)


def is_the_toolchain(chapter: Chapter) -> Verdicts:
    """Looked at again, from the first file to the last, and held against the passport that was written."""
    return verify_toolchain(chapter.artifact(PASSPORT).path.read_text("utf-8"), found(chapter))


def works_there(chapter: Chapter, programs: Programs, trial: Trial, written: Passport) -> Verdicts:
    """What hello is, and what it and the tests did on the hosts."""
    return verify_programs(programs, trial, written, chapter.target)


def port(chapter: Chapter, seen: Passport) -> Port:
    """What the claims about building a toolchain are judged by."""
    return replace(evidence(seen.go, chapter.target, seen.compiler, chapter.local), built=built_from(chapter))


def tree(chapter: Chapter, seen: Passport) -> Toolchain:
    """What the claims about Go's own port are judged by."""
    return look_into(seen.go, chapter.local)
