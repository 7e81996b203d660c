"""Why a build failed: Go's own words as they are, and what to do about the kind of failure that they tell of."""

from __future__ import annotations

import re
from pathlib import Path

from runbook.chapters.buildhost.decide import FOLDER
from runbook.chapters.compile.decide import PRIVATE, Recipe
from runbook.errors import BuildFailed, CommandFailed
from runbook.site import ROOT

NO_SPACE = "[Nn]o space left on device"
ROOM = ("make room where the words above say; what was built is in .cache/builds, what was compiled for it in Go's own "
        "cache, which `go clean -cache` empties")
# In the order in which they are looked for: a module that does not fit its sum is also one that could not be had.
KINDS = (
    (r"checksum mismatch|has been modified|SECURITY ERROR",
     "a module is not what the sums beside go.mod say: see who changed the one or the other. Only where it was the "
     "cache, `chmod -R u+w {private} && rm -r {private}` and build again"),
    (NO_SPACE, ROOM),
    (r"module requires Go|requires go >= |invalid go version|@v\S+: package \S+ is not in (?:GOROOT|std)",
     "a module needs a newer Go than the site's: take a newer one, or pin an older version of the module, as "
     "go.legacy.mod does"),
    (r"GOPROXY=off|missing go\.sum entry|no required module provides|cannot find module|no such file or directory"
     r"|not found: module|unknown revision",
     "setup/prepare fetches the modules of services/; a build never uses the network"),
)


THERE = "what was brought and compiled there lies in {folder}, which `runbook undo` of the run that made it removes"


def refused(recipe: Recipe, folder: Path, error: CommandFailed) -> BuildFailed:
    """The error of a build of the sources in `folder`, which the words do not name: lines are those of the sources."""
    return said_no(recipe, str(folder), error.tail)


def refused_there(recipe: Recipe, host: str, folder: str, words: str, how: str) -> BuildFailed:
    """The same of a build on a host, in whose folder its sources were copied twice."""
    for copy in (f"{folder}/first", f"{folder}/another/folder"):
        words = words.replace(f"{copy}/", "").replace(copy, ".")
    error = said_no(recipe, folder, words)
    error.what = f"{host}: {error.what}: {how}"
    if re.search(NO_SPACE, words):
        error.next = f"make room on {host}; " + THERE.format(folder=FOLDER)
    return error


def said_no(recipe: Recipe, folder: str, words: str) -> BuildFailed:
    """The error with a hint by the kind of failure that the words tell of."""
    words = words.replace(f"{folder}/", "").replace(folder, ".")
    hint = f"mend it in {recipe.sources.folder.name}/, at the line that the compiler names"
    for pattern, known in KINDS:
        if re.search(pattern, words):
            hint = known.format(private=PRIVATE.relative_to(ROOT))
            break
    return BuildFailed(f"{recipe}: the build failed", tail=words, next=hint)


def no_room(recipe: Recipe, kept: Path, error: OSError) -> BuildFailed:
    """The error of a disk that is full before the compiler notices."""
    return BuildFailed(f"{recipe}: the build failed", tail=f"{error.filename or kept}: {error.strerror}", next=ROOM)
