"""Building a service twice, in two folders, or taking what the same recipe made before."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from runbook.chapters.compile.decide import Recipe
from runbook.chapters.compile.private import IN_FOLDER, provide
from runbook.chapters.compile.refusal import no_room, refused
from runbook.digest import sha256_of
from runbook.elf.sections import differences
from runbook.errors import CommandFailed
from runbook.remote.command import Script
from runbook.remote.shell import Shell
from runbook.show.tables import sentence
from runbook.site import ROOT

KEPT = ROOT / ".cache" / "builds"
HOME = KEPT / "home"
"""What a build sees as its home folder: nothing of the person's own gets into it."""
KEEP = 40                          # of some 15 MB each: what a run builds, for two targets
RECORD = "built.json"
LIMIT = 15 * 60.0  # seconds: a cold standard library on two slow cores takes some minutes
@dataclass(frozen=True, repr=False)
class Built:
    """A binary, the hashes of both builds, and whether this run made them or an earlier one."""

    recipe: Recipe
    path: Path
    sha256: str
    again: str  # SHA-256 of the second build, in another folder
    seconds: float  # of the first build, when it was made
    already: bool
    differs: tuple[str, ...] = field(default=(), hash=False)  # section by section, where the second is another
    on: str = ""  # the host of the site that built it; empty: this machine

    @property
    def state(self) -> str:
        return ("was built already" if self.already else "built") + (f" on {self.on}" if self.on else "")

    def __str__(self) -> str:
        return str(self.recipe)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        size = self.path.stat().st_size / (1 << 20)
        return sentence(f"{self}: {self.state}, {size:.1f} MiB, {self.sha256}")


def build(recipe: Recipe, shell: Shell, kept: Path = KEPT, keep: int = KEEP) -> Built:
    """Builds it twice, unless the same recipe was built before and the file is still what was made then.

    Of what lies in `kept`, the `keep` builds that were made or taken last stay.

    Raises BuildFailed with the compiler's own words, or where there is no room for what it makes.
    """
    def twice(new: Path, first: Path, again: Path) -> Made:
        # Two paths of different length: a path that leaks moves everything behind it.
        started = time.monotonic()
        modules = provided(recipe, shell, new / "first")
        compile_in(recipe, shell, new / "first", first)
        seconds = time.monotonic() - started
        compile_in(recipe, shell, new / "another" / "folder", again)
        return Made(seconds, modules)

    return taken_or_made(recipe, kept, keep, twice)


class Made(NamedTuple):
    """Of a build: the seconds of its first half, and its modules as `path version`."""

    seconds: float
    modules: tuple[str, ...]


def taken_or_made(recipe: Recipe, kept: Path, keep: int, twice: Callable[[Path, Path, Path], Made],
                  on: str = "") -> Built:
    """What was kept, or else what `twice(folder to work in, first file, second file)` makes. Raises as `build` does."""
    try:
        Path(dict(recipe.environment)["HOME"]).mkdir(parents=True, exist_ok=True)
        return _taken_or_made(recipe, kept, keep, twice, on)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise no_room(recipe, kept, error) from error


def _taken_or_made(recipe: Recipe, kept: Path, keep: int, twice: Callable[[Path, Path, Path], Made],
                   on: str) -> Built:
    folder = _folder(recipe, kept, on)
    found = _kept(recipe, folder, on)
    if found is not None:
        return found
    kept.mkdir(parents=True, exist_ok=True)
    _clear_what_was_broken_off(kept)
    with tempfile.TemporaryDirectory(dir=kept, prefix=f"new-{os.getpid()}-") as new:
        whole, again = Path(new) / "whole", Path(new) / "again"
        whole.mkdir()
        made = twice(Path(new), whole / recipe.service, again)
        record: dict[str, Any] = {"sha256": sha256_of(whole / recipe.service), "again": sha256_of(again),
                                  "seconds": round(made.seconds, 3)}
        if record["again"] != record["sha256"]:
            record["differs"] = tuple(map(str, differences(whole / recipe.service, again)))
        (whole / RECORD).write_text(json.dumps({**record, "modules": made.modules}) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        try:
            os.replace(whole, folder)
        except OSError:  # another run built the same at the same time, and was faster
            found = _kept(recipe, folder, on)
            if found is None:
                raise
            return found
    _forget_the_oldest(kept, keep)
    return Built(recipe, folder / recipe.service, already=False, on=on, **record)


def compile_in(recipe: Recipe, shell: Shell, folder: Path, output: Path, *more_flags: str) -> None:
    """One build of a copy of the sources in `folder`. Raises BuildFailed."""
    if not folder.exists():
        recipe.sources.copy_to(folder)
    try:
        shell.run(Script(IN_FOLDER, limit=LIMIT).command(str(folder), *recipe.words(output, *more_flags)))
    except CommandFailed as error:
        raise refused(recipe, folder, error) from error


def provided(recipe: Recipe, shell: Shell, folder: Path) -> tuple[str, ...]:
    """The modules that a build takes, in the cache that it sees. Raises BuildFailed."""
    recipe.sources.copy_to(folder)
    try:
        return provide(recipe, shell, folder)
    except CommandFailed as error:
        raise refused(recipe, folder, error) from error


def kept_already(recipe: Recipe, kept: Path = KEPT, on: str = "") -> Built | None:
    """What the same recipe made before in the same place; None where nothing did, or where its bytes are others now."""
    return _kept(recipe, _folder(recipe, kept, on), on)


def _folder(recipe: Recipe, kept: Path, on: str) -> Path:
    """A site that asks for a host's build does not get this machine's: where it was built is in its passport."""
    return kept / (f"{recipe.key}-{on}" if on else recipe.key)


def _clear_what_was_broken_off(kept: Path) -> None:
    """A build that was killed left its folder behind."""
    for folder in kept.glob("new-*"):
        owner = folder.name.split("-")[1]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _forget_the_oldest(kept: Path, keep: int) -> None:
    """Keeps the builds that were of use last; a run has a copy of its own among its artefacts."""
    records = sorted(kept.glob(f"*/{RECORD}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for record in records[keep:]:
        shutil.rmtree(record.parent, ignore_errors=True)


def _kept(recipe: Recipe, folder: Path, on: str = "") -> Built | None:
    """What was kept under the recipe's key, where its bytes are still those that were made."""
    path = folder / recipe.service
    try:
        record = json.loads((folder / RECORD).read_text())
        if sha256_of(path) != record["sha256"]:
            return None
        os.utime(folder / RECORD)  # in use: not among the first to be forgotten
        differs = tuple(map(str, record.get("differs", ())))
        return Built(recipe, path, record["sha256"], record["again"], float(record["seconds"]), True, differs, on)
    except (OSError, ValueError, KeyError, TypeError):
        return None
