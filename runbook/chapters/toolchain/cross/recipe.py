"""What a C toolchain is built from and in which stages: one TOML file that the site points at."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from runbook.checks import between, shaped
from runbook.errors import TargetError, UsageError
from runbook.table import Absolute, Reading, entry, read_table, unknown
from runbook.targets import Target, load_target
from runbook.toml_lines import lines_of

GNU = Path(__file__).with_name("gnu.toml")
FORMS = "`dir:PATH` or `archive:PATH#sha256=HEX`"
_ORIGIN = re.compile(r"dir:(?P<dir>.+)|archive:(?P<archive>.+)#sha256=(?P<sha256>[0-9a-f]{64})")
NAME = shaped(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", "lower-case letters, digits and `-`")
FILLED_IN = ("triplet", "kernel", "prefix", "sysroot", "source", "build", "here")


@dataclass(frozen=True)
class Origin:
    """Where sources come from: a folder, or an archive with its SHA-256."""

    path: Path
    sha256: str = ""  # empty: a folder

    @classmethod
    def read(cls, text: str, absolute: Absolute) -> Origin | None:
        found = _ORIGIN.fullmatch(text)
        return cls(absolute(found["dir"] or found["archive"]), found["sha256"] or "") if found else None

    def __str__(self) -> str:
        return f"archive:{self.path}#sha256={self.sha256}" if self.sha256 else f"dir:{self.path}"


@dataclass(frozen=True)
class Source:
    """One project's sources; `[[source]]`."""

    name: str = entry("as stages call it", check=NAME)
    origin: Origin = entry(f"where they are: {FORMS}", read=Origin.read, forms=FORMS, name="from")
    patches: tuple[Path, ...] = entry("applied in this order", ())
    strip: int = entry("leading parts of the patches' file names that are left off, as `patch -p`", 1,
                       check=between(0, 9))


@dataclass(frozen=True)
class Stage:
    """One configure, make and install; `[[stage]]`. Words may hold {triplet} and its kin."""

    name: str = entry("what it is called", check=NAME)
    source: str = entry("what is built")
    make: tuple[str, ...] = entry("calls of make, one after the other, each with its words")
    check: str = entry("what is tried when it is done")
    configure: tuple[str, ...] = entry("words for configure; none: there is no configure", ())
    needs: tuple[str, ...] = entry("stages that have to be done before", ())

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Flags:
    """What a site adds to a stage; `[[flags]]`."""

    stage: str = entry("its name")
    configure: tuple[str, ...] = entry("more words, behind its own")


@dataclass(frozen=True)
class Recipe:
    """A whole C toolchain for one target."""

    target: str = entry("the architecture, as its file in runbook/targets is called")
    prefix: Path = entry("the folder of the finished toolchain; it stays where it was built")
    work: Path = entry("a folder to build in, with some 8 GB free")
    sources: tuple[Source, ...] = entry("what is built from", name="source")
    triplet: str = entry("one of the target's; empty: its first", "")
    jobs: int = entry("compilers side by side", 2, check=between(1, 256))
    nice: int = entry("how far it stands back behind other work", 10, check=between(0, 19))
    hours: float = entry("limit of one call of make", 6.0, check=between(0.001, 72, "hours"))
    flags: tuple[Flags, ...] = entry("more words for the configure of stages", ())
    stages: tuple[Stage, ...] = entry("in their order; none: the five of GNU", (), name="stage")

    def source(self, stage: Stage) -> Source:
        return next(one for one in self.sources if one.name == stage.source)

    @property
    def sysroot(self) -> Path:
        return self.prefix / "sysroot"

    def __str__(self) -> str:
        return f"{self.triplet} in {len(self.stages)} stages: {', '.join(map(str, self.stages))}"


def read_recipe(file: Path, checks: tuple[str, ...]) -> Recipe:
    """Reads the file; raises UsageError with file, line and key of all that is wrong, TargetError for the target.

    `checks` are the names of the checks that a stage may ask for.
    """
    recipe, reading = _read(file, Recipe)
    if recipe is None:
        raise _refusal(reading)
    target = load_target(recipe.target)
    fits(target)
    stages = recipe.stages or _gnu()
    recipe = replace(recipe, triplet=recipe.triplet or target.names.triplets[0], stages=tuple(
        replace(one, configure=(*one.configure, *(word for more in recipe.flags if more.stage == one.name
                                                  for word in more.configure))) for one in stages))
    _contradictions(recipe, target, checks, reading)
    if reading.problems:
        raise _refusal(reading)
    return recipe


def fits(target: Target) -> None:
    """Raises TargetError where the target's file lacks what a C toolchain is built by."""
    wanted = {"names.kernel": target.names.kernel, "elf.interpreters": target.elf.interpreters}
    lacking = [key for key, value in wanted.items() if not value]
    if lacking:
        raise TargetError(f"{target.name}.toml: {' and '.join(lacking)} is empty: a C toolchain is built by it",
                          next=f"write it into runbook/targets/{target.name}.toml, with its source")


def _gnu() -> tuple[Stage, ...]:
    @dataclass(frozen=True)
    class Stages:
        stages: tuple[Stage, ...] = entry("of GNU", name="stage")

    reading = Reading(GNU.name, GNU.parent, {})
    values = read_table(Stages, tomllib.loads(GNU.read_text("utf-8")), reading)
    assert not reading.problems, reading.in_order()
    return values["stages"]


def _read(file: Path, table: type[Recipe]) -> tuple[Recipe | None, Reading]:
    try:
        text = file.read_text("utf-8")
        document = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: {error}", next="mend the file, or the site's `toolchain.c` that names it") from error
    reading = Reading(file.name, file.parent.absolute(), lines_of(text))
    values = read_table(table, document, reading)
    return (None if reading.problems else table(**values)), reading


def _contradictions(recipe: Recipe, target: Target, checks: tuple[str, ...], reading: Reading) -> None:
    if recipe.triplet not in target.names.triplets:
        reading.refuse(("triplet",), f"{recipe.triplet} is none of {target.name}'s: {', '.join(target.names.triplets)}")
    if recipe.work == recipe.prefix or recipe.work in recipe.prefix.parents or recipe.prefix in recipe.work.parents:
        reading.refuse(("work",), "lies in `prefix`, or that in it: what is built in goes away, what is built stays")
    names = [one.name for one in recipe.stages]
    sources = [one.name for one in recipe.sources]
    for number, stage in enumerate(recipe.stages):
        at = ("stage", number)
        if stage.source not in sources:
            reading.refuse((*at, "source"), f"stage {stage}: {unknown('source', stage.source, sources)}")
        if stage.check not in checks:
            reading.refuse((*at, "check"), f"stage {stage}: {unknown('check', stage.check, checks)}")
        for need in stage.needs:
            if need not in names[:number]:
                reading.refuse((*at, "needs"), f"stage {stage} needs {need}, which no stage before it makes")
        for word in (*stage.configure, *stage.make):
            for name in re.findall(r"\{(\w*)\}", word):
                if name not in FILLED_IN:
                    reading.refuse(at, f"stage {stage}: {unknown('word {' + name + '}', name, FILLED_IN)}")
    for what, several in (("stage", names), ("source", sources)):
        for twice in sorted({one for one in several if several.count(one) > 1}):
            reading.refuse((what,), f"{twice} is there twice")
    for number, more in enumerate(recipe.flags):
        if more.stage not in names:
            reading.refuse(("flags", number, "stage"), unknown("stage", more.stage, names))


def _refusal(reading: Reading) -> UsageError:
    return UsageError("\n".join(reading.in_order()), next=f"mend {reading.file}")
