"""The modules of a build in a cache of the project's own: taken from what set-up fetched, held against their sums."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from runbook.chapters.compile.decide import PRIVATE, Recipe
from runbook.chapters.compile.modules import sums
from runbook.remote.command import Script
from runbook.remote.shell import Shell

IN_FOLDER = 'cd "$1" && shift && exec "$@"'
LIMIT = 5 * 60.0  # seconds: some hundred megabytes are unpacked the first time
_ONE_AT_A_TIME, _VERIFIED = threading.Lock(), set[bytes]()
"""Sums that this process has held the cache against: some seconds for each set."""
MODULE = "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}"


def provide(recipe: Recipe, shell: Shell, folder: Path) -> tuple[str, ...]:
    """Fills the cache with what a build of the sources in `folder` takes, and holds all of it against their sums.

    Nothing is fetched from a network: set-up did that, into the cache of the person's own Go, and what is here then is
    enough where there is neither. Returns each module as `path version`, in alphabetical order. Raises CommandFailed
    with Go's own words.
    """
    PRIVATE.mkdir(parents=True, exist_ok=True)
    # What is here already needs no other source; a folder that is not there, Go takes for a damaged one.
    sources = [Path(cache, "cache", "download") for cache in (PRIVATE, recipe.go.settings["GOMODCACHE"])]
    proxies = ",".join(f"file://{one}" for one in sources if one.is_dir()) or "off"
    go = asking_for_modules(recipe, proxies)
    tags = (flag for flag in recipe.flags if flag.startswith("-tags"))
    package = recipe.package or f"./{recipe.service}"
    ask = Script(IN_FOLDER, limit=LIMIT)
    told = shell.run(ask.command(str(folder), *go, "list", *tags, "-deps", "-f", MODULE, package))
    modules = tuple(sorted(set(filter(None, told.text.splitlines()))))
    with _ONE_AT_A_TIME:
        pinned = (folder / sums(recipe.sources.modules.file)).read_bytes() if modules else b""
        if modules and pinned not in _VERIFIED:  # a file that was changed in the cache is compiled without a word
            shell.run(ask.command(str(folder), *go, "mod", "verify"))
            _VERIFIED.add(pinned)
    return modules


def asking_for_modules(recipe: Recipe, proxies: str = "off") -> tuple[str, ...]:
    """Go, as it is to be asked about the recipe's modules."""
    modfile = " ".join(("-mod=readonly", *recipe.sources.modules.flags))
    pairs = dict(recipe.environment) | {"GOPROXY": proxies, "GOSUMDB": "off", "GOFLAGS": modfile}
    return ("env", "-i", *(f"{name}={value}" for name, value in pairs.items()), str(recipe.go.program))


def downloaded(recipe: Recipe, folder: Path, modules: Iterable[str]) -> Iterator[str]:
    """The files of the cache's own downloads that a build of the sources in `folder` takes, by their names below it:
    every module's go.mod that the sums name, and of those in `modules` (`path version`) the content too."""
    needed = set(modules)
    sums_file = folder / sums(recipe.sources.modules.file)
    lines = sums_file.read_text("utf-8").splitlines() if needed else ()
    pinned = {(path, version.removesuffix("/go.mod")) for path, version, _ in map(str.split, lines)}
    for path, version in sorted(pinned):
        ending = (".mod", ".info", *((".zip", ".ziphash") if f"{path} {version}" in needed else ()))
        for name in (f"cache/download/{_escaped(path)}/@v/{_escaped(version)}{one}" for one in ending):
            if (PRIVATE / name).is_file():
                yield name


def _escaped(text: str) -> str:
    """As Go writes it for file systems that take `A` for `a` (golang.org/x/mod/module, EscapePath)."""
    return re.sub("[A-Z]", lambda found: f"!{found[0].lower()}", text)
