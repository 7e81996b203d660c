"""Building the stages that are ahead, each with a log, a time and a check; what was done stays when one fails."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from runbook.chapters.toolchain.cross.checks import CHECKS, Tree
from runbook.chapters.toolchain.cross.recipe import Recipe, Stage
from runbook.chapters.toolchain.cross.sources import prepared
from runbook.chapters.toolchain.cross.stages import (
    RECORDS,
    Doing,
    Found,
    Record,
    StagePlan,
    begun_mark,
    read_record,
    record_of,
    sha256_of,
    words_of,
)
from runbook.errors import BuildFailed, CommandFailed, CommandTimedOut, LockHeld
from runbook.remote.command import Script
from runbook.remote.shell import Shell
from runbook.targets import load_target
from runbook.verdict import State

BUSY = 75    # EX_TEMPFAIL of sysexits.h
BARE = 16 << 20  # bytes: a disk with less has no room for the next object file
CALL = """
log=$1 lock=$2 folder=$3 first=$4 nice=$5; shift 5
exec 9>>"$lock" || exit 74
# The lock is make's too, for as long as any of it runs: a build whose runbook was killed may still be at work.
flock --nonblock 9 || exit 75
cd "$folder" || exit 74
{ printf '\\n$'; printf ' %s' "$@"; printf '\\n'; } >>"$log"
exec env -i PATH="$first:$PATH" HOME="$folder" LC_ALL=C nice -n "$nice" "$@" </dev/null >>"$log" 2>&1
"""


def build_stages(plan: StagePlan, shell: Shell) -> StagePlan:
    """Builds what is ahead and returns the plan. Raises BuildFailed, LockHeld; what was done before stays done."""
    recipe = plan.found.recipe
    with _room(recipe.prefix):
        (recipe.prefix / RECORDS).mkdir(parents=True, exist_ok=True)
        (recipe.work / "build").mkdir(parents=True, exist_ok=True)
    for doing in plan.ahead:
        with _room(recipe.work):
            _take_away(recipe, doing.stage)
            _build(plan.found, doing, shell)
    return plan


def tree_of(recipe: Recipe) -> Tree:
    return Tree(load_target(recipe.target), recipe.triplet, recipe.prefix, recipe.sysroot)


def log_of(recipe: Recipe, stage: Stage) -> Path:
    return recipe.prefix / RECORDS / f"{stage}.log"


def _build(found: Found, doing: Doing, shell: Shell) -> None:
    recipe, stage = found.recipe, doing.stage
    folder = recipe.work / "build" / doing.key
    folder.mkdir(exist_ok=True)
    source = prepared(recipe.source(stage), found.contents[stage.source], recipe.work / "source", shell)
    before = _before(recipe, folder)
    begun_mark(recipe, stage.name).touch()
    attempts = _attempt(folder)
    started = time.monotonic()
    for number, words in enumerate(words_of(found, stage, source, folder)):
        configured = folder / ".runbook-configured"
        if number == 0 and stage.configure and configured.exists():
            continue
        _call(recipe, stage, folder, words, shell)
        if number == 0 and stage.configure:
            configured.touch()
    seconds = time.monotonic() - started
    seen = CHECKS[stage.check](tree_of(recipe), shell)
    if seen.state not in (State.PASS, State.SKIPPED):
        raise BuildFailed(f"{stage}: it was built, but {seen.what}: {seen.reason}", next=_where(recipe, stage))
    made = {path: sha256_of(recipe.prefix / path) for path, stamp in _listed(recipe.prefix).items()
            if before.get(path) != list(stamp)}
    record = Record(doing.key, round(seconds, 1), attempts, sha256_of(log_of(recipe, stage)),
                    f"{seen.what}: {seen.reason}", str(seen.state), made)
    _hand_over(recipe, stage, made)
    _keep(recipe, stage.name, record)
    begun_mark(recipe, stage.name).unlink(missing_ok=True)
    shutil.rmtree(folder)  # what is done is not resumed, and a compiler's build folder has a gigabyte


def _hand_over(recipe: Recipe, stage: Stage, made: dict[str, str]) -> None:
    """What a stage before had made and this one made anew is this one's from now on."""
    for one in recipe.stages[:recipe.stages.index(stage)]:
        record = read_record(recipe, one.name)
        if record is not None and (lost := record.files.keys() & made.keys()):
            kept = {path: sha256 for path, sha256 in record.files.items() if path not in lost}
            _keep(recipe, one.name, replace(record, files=kept, replaced=sorted({*record.replaced, *lost})))


def _keep(recipe: Recipe, stage: str, record: Record) -> None:
    _write(record_of(recipe, stage), json.dumps(asdict(record), indent=1) + "\n")


def _call(recipe: Recipe, stage: Stage, folder: Path, words: tuple[str, ...], shell: Shell) -> None:
    log = log_of(recipe, stage)
    script = Script(CALL, limit=recipe.hours * 3600)
    try:
        shell.run(script.command(str(log), str(recipe.work / "lock"), str(folder), str(recipe.prefix / "bin"),
                                 str(recipe.nice), *words))
    except CommandTimedOut as error:
        raise BuildFailed(f"{stage}: no end within {recipe.hours:g} hours: {' '.join(words[:4])}", tail=_tail(log),
                          next=f"{_where(recipe, stage)}; `hours` of the recipe is the limit") from error
    except CommandFailed as error:
        if error.exit_code_seen == BUSY:
            raise LockHeld(f"{recipe.work}: another build is at work there, perhaps one whose runbook was killed",
                           next="wait for its end: `fuser` on the file `lock` there names its processes") from error
        full = _full(recipe)
        mend = f"make room there, then call it again: {_where(recipe, stage)}" if full else _where(recipe, stage)
        raise BuildFailed(f"{stage}: {Path(words[0]).name} failed: {full or f'exit {error.exit_code_seen}'}",
                          tail=_tail(log) or error.tail, next=mend) from error


def _where(recipe: Recipe, stage: Stage) -> str:
    return f"{log_of(recipe, stage)} has all of it; the same call goes on with stage {stage}, what was done stays"


@contextlib.contextmanager
def _room(folder: Path) -> Iterator[None]:
    """A file that cannot be written is told as what it is."""
    try:
        yield
    except OSError as error:
        mend = "make room there, or let this user write there, then call it again: what was done stays"
        raise BuildFailed(f"{error.filename or folder}: {error.strerror}", next=mend) from error


def _full(recipe: Recipe) -> str:
    for folder in (recipe.work, recipe.prefix):
        left = os.statvfs(folder)
        if left.f_bavail * left.f_frsize < BARE or not left.f_favail:
            return f"no space is left at {folder}"
    return ""


def _tail(log: Path) -> str:
    try:
        return log.read_text("utf-8", "replace")[-4000:]
    except OSError:
        return ""


def _attempt(folder: Path) -> int:
    """Counts how often the stage was begun; a killed one counts."""
    marks = folder / ".runbook-attempts"
    with marks.open("a") as stream:
        stream.write("x")
    return len(marks.read_text())


def _before(recipe: Recipe, folder: Path) -> dict[str, list[int]]:
    """What was in the prefix when the stage was first begun: all that is new or changed afterwards is the stage's."""
    noted = folder / ".runbook-before"
    if not noted.exists():
        _write(noted, json.dumps(_listed(recipe.prefix)))
    return json.loads(noted.read_text())


def _listed(prefix: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file and link, by its path in the prefix."""
    found = {}
    for parent, folders, files in os.walk(prefix):
        if Path(parent) == prefix and RECORDS in folders:
            folders.remove(RECORDS)
        for name in (*files, *(one for one in folders if os.path.islink(os.path.join(parent, one)))):
            path = os.path.join(parent, name)
            status = os.lstat(path)
            found[os.path.relpath(path, prefix)] = (status.st_size, status.st_mtime_ns)
    return found


def _take_away(recipe: Recipe, stage: Stage) -> None:
    """Removes what this stage and those after it left when they were made from something else."""
    for one in recipe.stages[recipe.stages.index(stage):]:
        record = read_record(recipe, one.name)
        if record is None:
            continue
        for path in record.files:
            if not Path(path).is_absolute() and ".." not in Path(path).parts:
                (recipe.prefix / path).unlink(missing_ok=True)
        record_of(recipe, one.name).unlink()


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.write_text(text, "utf-8")
    os.replace(new, path)
