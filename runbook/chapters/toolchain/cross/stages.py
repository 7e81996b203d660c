"""Which stages of a C toolchain are to be built: decided by what each is made from, and what lies there already."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from runbook import digest
from runbook.chapters.toolchain.cross.recipe import Recipe, Stage
from runbook.chapters.toolchain.cross.sources import Content, content_of
from runbook.errors import Blocked, CommandFailed, ParameterError
from runbook.remote.command import Script
from runbook.remote.shell import Shell
from runbook.table import unknown
from runbook.targets import load_target

RECORDS = "runbook-stages"
"""The folder in the toolchain that says how it was made: one record and one log for each stage."""
DONE, TO_BUILD, TO_RESUME, LEFT_OUT = "done", "to be built", "to be resumed", "left out"
NEVER = "it was never done"
BUILDER = Script('gcc -dumpmachine && gcc --version | sed -n 1p && command -v make patch nice flock env')


@dataclass(frozen=True)
class Record:
    """What a stage left when it was done."""

    key: str
    seconds: float  # of the attempt that came to its end
    attempts: int
    log_sha256: str
    checked: str
    state: str  # of the check: pass or skipped
    files: dict[str, str] = field(hash=False)  # SHA-256 by path in the prefix
    replaced: list[str] = field(default_factory=list, hash=False)  # paths that a later stage made anew


@dataclass(frozen=True, repr=False)
class Found:
    """Everything that the decision needs."""

    recipe: Recipe
    contents: Mapping[str, Content]
    here: str                             # the machine that builds, as its own GCC calls it
    builder: str                          # and that GCC
    records: Mapping[str, Record]         # by stage; only those that are readable
    damaged: Mapping[str, str]            # by stage: a file of it that is no longer what was made
    replaced: frozenset[str]              # stages of whose files a later stage replaced some
    begun: frozenset[str]                 # keys whose build folder is there

    def __str__(self) -> str:
        return f"{self.recipe}; {len(self.records)} of them were built before"

    __repr__ = __str__


@dataclass(frozen=True)
class Doing:
    """One stage and what is to be done about it."""

    stage: Stage
    key: str
    state: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.stage}: {self.state}{self.why and ', ' + self.why}"


@dataclass(frozen=True, repr=False)
class StagePlan:
    """The stages in their order."""

    found: Found
    doings: tuple[Doing, ...]

    @property
    def ahead(self) -> tuple[Doing, ...]:
        return tuple(one for one in self.doings if one.state in (TO_BUILD, TO_RESUME))

    def __str__(self) -> str:
        return "\n".join(map(str, self.doings))

    __repr__ = __str__


def look(recipe: Recipe, shell: Shell) -> Found:
    """Hashes the sources, asks for the builder's own compiler and reads what earlier builds left.

    Raises Blocked where a source or a tool is missing.
    """
    contents = {one.name: content_of(one) for one in recipe.sources}
    try:
        here, builder, *_ = shell.run(BUILDER.command()).text.splitlines()
    except CommandFailed as error:
        raise Blocked("gcc, make, patch, nice and flock build a toolchain, and one of them is not on this machine",
                      tail=error.tail, next="apt-get install gcc g++ make patch coreutils util-linux") from error
    records = {one.name: record for one in recipe.stages
               if (record := read_record(recipe, one.name)) is not None}
    damaged, replaced = _changed(recipe, records)
    begun = frozenset(path.name for path in (recipe.work / "build").glob("*") if path.is_dir())
    return Found(recipe, contents, here, builder, records, damaged, replaced, begun)


def decide_stages(found: Found, stop_after: str = "") -> StagePlan:
    """Done where it was made from the same, and so was every stage before it. Raises ParameterError."""
    names = [one.name for one in found.recipe.stages]
    if stop_after and stop_after not in names:
        raise ParameterError(f"stop_after: {unknown('stage', stop_after, names)}", next="leave it empty for all stages")
    stages, keys = found.recipe.stages, keys_of(found)
    first = next((number for number, stage in enumerate(stages) if _why(found, stage, keys[stage.name])), len(stages))
    first = _with_what_it_needs(found, first)
    doings: list[Doing] = []
    for number, stage in enumerate(stages):
        key, why = keys[stage.name], _why(found, stage, keys[stage.name])
        if stop_after and number > names.index(stop_after):
            doings.append(Doing(stage, key, LEFT_OUT, f"the build stops after {stop_after}"))
        elif number < first:
            doings.append(Doing(stage, key, DONE))
        elif why == NEVER:
            doings.append(Doing(stage, key, TO_RESUME if key in found.begun else TO_BUILD))
        else:
            doings.append(Doing(stage, key, TO_BUILD, why or "what is built before or after it replaces its files"))
    return StagePlan(found, tuple(doings))


def _why(found: Found, stage: Stage, key: str) -> str:
    """Why a stage is to be built; empty: it is not."""
    record = found.records.get(stage.name)
    if record is None:
        return NEVER
    return found.damaged.get(stage.name, "") if record.key == key else "it was made from something else"


def _with_what_it_needs(found: Found, first: int) -> int:
    """A compiler that a later one has replaced is there no more: what is to be built with it needs it built again."""
    stages = found.recipe.stages
    names = [one.name for one in stages]
    for stage in stages[first:]:
        for need in stage.needs:
            if names.index(need) < first and need in found.replaced:
                return _with_what_it_needs(found, names.index(need))
    return first


def keys_of(found: Found) -> dict[str, str]:
    """By stage the hash of everything that goes into it, the stages before it included."""
    keys: dict[str, str] = {}
    before = ""
    for stage in found.recipe.stages:
        keys[stage.name] = before = key_of(found, stage, before)
    return keys


def key_of(found: Found, stage: Stage, before: str) -> str:
    """`before` is the key of the stage before it."""
    recipe = found.recipe
    told = {"stage": asdict(stage), "words": words_of(found, stage, Path("{source}"), Path("{build}")),
            "content": found.contents[stage.source].key, "builder": [found.here, found.builder], "before": before}
    return hashlib.sha256(json.dumps(told | {"prefix": str(recipe.prefix)}, sort_keys=True).encode()).hexdigest()


def words_of(found: Found, stage: Stage, source: Path, build: Path) -> tuple[tuple[str, ...], ...]:
    """The calls of a stage, each in its words: configure, where there is one, then make."""
    recipe = found.recipe
    named = {"triplet": recipe.triplet, "kernel": load_target(recipe.target).names.kernel, "prefix": recipe.prefix,
             "sysroot": recipe.sysroot, "source": source, "build": build, "here": found.here}
    configure = (str(source / "configure"), *(word.format(**named) for word in stage.configure))
    calls = tuple(tuple(word.format(**named) for word in shlex.split(call)) for call in stage.make)
    return (*((configure,) if stage.configure else ()), *(("make", *_jobs(recipe, call), *call) for call in calls))


def _jobs(recipe: Recipe, call: tuple[str, ...]) -> tuple[str, ...]:
    """Side by side, but for what installs: two parts may put the same file into the same folder."""
    return () if any(word.startswith("install") for word in call) else (f"-j{recipe.jobs}",)


def record_of(recipe: Recipe, stage: str) -> Path:
    return recipe.prefix / RECORDS / f"{stage}.json"


def read_record(recipe: Recipe, stage: str) -> Record | None:
    """None where there is none, or none that can be read."""
    try:
        return Record(**json.loads(record_of(recipe, stage).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def begun_mark(recipe: Recipe, stage: str) -> Path:
    """A file that is there while a stage is being built; what changed since then may be its doing."""
    return recipe.prefix / RECORDS / f"{stage}.begun"


def _changed(recipe: Recipe, records: Mapping[str, Record]) -> tuple[dict[str, str], frozenset[str]]:
    """By stage the first file that is no longer as it was made; and the stages that lost files to a later one."""
    marks = [mark.stat().st_mtime for one in recipe.stages if (mark := begun_mark(recipe, one.name)).exists()]
    damaged: dict[str, str] = {}
    replaced = {stage for stage, record in records.items() if record.replaced}
    for stage, record in records.items():
        for path, sha256 in record.files.items():
            whole = recipe.prefix / path
            if sha256_of(whole) == sha256:
                continue
            if marks and os.path.lexists(whole) and os.lstat(whole).st_ctime >= min(marks):
                replaced.add(stage)  # a build that did not come to its end was installing
            else:
                damaged.setdefault(stage, f"{path} is no longer what was made")
    return damaged, frozenset(replaced)


def sha256_of(path: Path) -> str:
    """Of a file's content or a link's text; empty where it is not there."""
    try:
        if path.is_symlink():
            return hashlib.sha256(str(path.readlink()).encode("utf-8", "surrogateescape")).hexdigest()
        return digest.sha256_of(path)
    except OSError:
        return ""
