"""What the toolchain chapter does about C: the functions that its notebook calls."""

from __future__ import annotations

from dataclasses import dataclass

from runbook.chapter import Chapter
from runbook.chapters.toolchain.compiler import Compiler, NoCompiler, find_compiler
from runbook.chapters.toolchain.cross.build import build_stages
from runbook.chapters.toolchain.cross.cgo import CgoTrial, try_cgo
from runbook.chapters.toolchain.cross.checks import CHECKS
from runbook.chapters.toolchain.cross.cxx import try_cxx
from runbook.chapters.toolchain.cross.passport import CPassport, accepted, of_distribution, of_stages, stages_of
from runbook.chapters.toolchain.cross.recipe import read_recipe
from runbook.chapters.toolchain.cross.stages import Found, StagePlan, decide_stages, look
from runbook.chapters.toolchain.cross.sysroot import Sysroot, take
from runbook.chapters.toolchain.cross.verify import verify_c
from runbook.chapters.toolchain.passport import Passport
from runbook.errors import Blocked, UsageError
from runbook.show.tables import sentence
from runbook.verdict import Verdicts

PASSPORT, SYSROOT = "c-toolchain.toml", "sysroot.toml"
ONLY_LOOKED = "check mode: no program is put on a host"


@dataclass(frozen=True, repr=False)
class CToolchain:
    """What there is of C: the passport of a toolchain, or why there is none."""

    passport: CPassport | None = None
    why: str = ""
    pending: bool = False  # check mode: stages would be built

    def __str__(self) -> str:
        return str(self.passport) if self.passport else self.why

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.passport._repr_html_() if self.passport else sentence(self.why)


def looked(chapter: Chapter) -> Compiler | NoCompiler | Found:
    """The distribution's compiler, or what the site's own is made from and what of it is there.

    Raises UsageError for a recipe that is wrong, Blocked where a source of it is missing or another.
    """
    recipe = chapter.site.toolchain.c
    if recipe is None:
        return find_compiler(chapter.target, chapter.local)
    read = read_recipe(recipe, tuple(CHECKS))
    if read.target != chapter.target.name:
        raise UsageError(f"{recipe}: it builds for {read.target}, the site's target is {chapter.target.name}",
                         next="mend `target` of the recipe, or the site's `toolchain.c`")
    return look(read, chapter.local)


def planned(seen: Compiler | NoCompiler | Found, stop_after: str = "") -> Compiler | NoCompiler | StagePlan:
    """Which stages are to be built; a compiler that was found is taken as it is. Raises ParameterError."""
    return decide_stages(seen, stop_after) if isinstance(seen, Found) else seen


def made(chapter: Chapter, seen: Compiler | NoCompiler | StagePlan, stop_after: str = "") -> CToolchain:
    """Builds the stages that are ahead, and writes the passport. Raises BuildFailed, Blocked."""
    if isinstance(seen, NoCompiler):
        return CToolchain(why=str(seen))
    if isinstance(seen, Compiler):
        passport = of_distribution(seen, chapter.local)
    elif chapter.check and seen.ahead:
        return CToolchain(why=f"check mode: {len(seen.ahead)} stages would be built", pending=True)
    else:
        build_stages(seen, chapter.local)
        again = planned(looked(chapter), stop_after)
        assert isinstance(again, StagePlan)
        passport = of_stages(again, chapter.target, chapter.local)
    path = chapter.run.artifacts / PASSPORT
    path.write_text(passport.to_toml(), "utf-8")
    chapter.run.keep(PASSPORT, path)
    return CToolchain(passport)


def compiler_of(chapter: Chapter) -> Compiler:
    """The C compiler that this or a later chapter may use: the one of the run's passport, looked at again.

    Raises Blocked where the run has no passport of one, or it is no longer true.
    """
    path = chapter.run.artifacts / PASSPORT
    if not path.exists():
        raise Blocked(f"this run has no passport of a C toolchain for {chapter.target.name}",
                      next="run 02_toolchain_build where a C compiler for the target is, or go without cgo")
    return accepted(path.read_text("utf-8"), chapter.target, chapter.local)


def cgo_tried(chapter: Chapter, go: Passport, c: CToolchain) -> CgoTrial:
    """A sysroot from the first host, and a program half in C built against it and run there; nothing stays there."""
    if c.passport is None or chapter.check:
        return CgoTrial(chapter.target.name, why=c.why or ONLY_LOOKED)
    compiler = compiler_of(chapter)
    host = chapter.fleet[chapter.fleet.names[0]]
    try:
        sysroot: Sysroot = take(host, chapter.target)
    except Blocked as error:
        return CgoTrial(chapter.target.name, host.name, chapter.basis_for(host.name), why=f"{error.what}; {error.next}",
                        cxx=try_cxx(compiler, chapter.local, host))  # a static program needs nothing of the host
    path = chapter.run.artifacts / SYSROOT
    path.write_text(sysroot.to_toml(), "utf-8")
    chapter.run.keep(SYSROOT, path)
    return try_cgo(go.go, compiler, sysroot, chapter.target, chapter.local, host, chapter.basis_for(host.name))


def built_from(chapter: Chapter) -> tuple[str, ...]:
    """The projects that the run's C toolchain was built from, stage by stage; none where it was not built."""
    path = chapter.run.artifacts / PASSPORT
    return stages_of(path.read_text("utf-8")) if path.exists() else ()


def works(chapter: Chapter, c: CToolchain, trial: CgoTrial) -> Verdicts:
    """Whether the C toolchain is still the one of its passport, and what it built ran."""
    written = chapter.artifact(PASSPORT).path.read_text("utf-8") if c.passport else ""
    return verify_c(written, c.passport, c.why, trial, chapter.target, chapter.local)
