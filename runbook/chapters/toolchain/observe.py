"""Which Go the site means, found on the machine that builds, and what it says of itself."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from runbook.chapters.toolchain.goroot import Tree, look_at
from runbook.chapters.toolchain.make import finished
from runbook.chapters.toolchain.place import PREPARED as PREPARED  # for whoever asks this room for its Go
from runbook.chapters.toolchain.place import place_of
from runbook.errors import Blocked, RemoteError
from runbook.remote.command import Command, command
from runbook.remote.shell import Shell
from runbook.site import Site
from runbook.targets import Target, of_machine

SETTINGS = ("GOMODCACHE", "GOCACHE", "GOHOSTOS", "GOHOSTARCH")
LIMIT = 20.0  # seconds for what a Go answers within a tenth of one
SAYS = re.compile(r"go version (?:go(\d\S*)|devel\b.*)")
FOR_THIS = "take a Go for this machine, or a tree with src/make.bash, of which chapter 02_toolchain_build makes one"
HALF = "a copy that broke off? copy or unpack it again"
LACKING = "{{if or .Incomplete .DepsErrors}}{{.ImportPath}}{{end}}"
NO_PACKAGES = "matched no packages"
PAIR = re.compile(r"[a-z0-9]+/[a-z0-9]+")


@dataclass(frozen=True)
class Go:
    """One Go toolchain; `origin` is the kind of the site's source: a `version` is upstream's own release."""

    root: Path
    version: str  # "1.26.8", as go.mod writes it
    targets: frozenset[str] = field(repr=False)  # `go tool dist list`: "linux/…"
    settings: dict[str, str] = field(hash=False, repr=False)
    origin: str

    @property
    def program(self) -> Path:
        return self.root / "bin" / "go"

    @property
    def numbers(self) -> tuple[int, int]:
        """Major and minor version; (0, 0) of a development version."""
        found = re.match(r"(\d+)\.(\d+)", self.version)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def builds_for(self, goarch: str) -> bool:
        return f"linux/{goarch}" in self.targets

    def __str__(self) -> str:
        return f"Go {self.version}"


def find_go(site: Site, shell: Shell) -> Go:
    """The site's Go on a machine; of sources, what chapter 02_toolchain_build made of them.

    Raises Blocked with the mending command where there is none, and the errors of a host where it is a host's Go.
    """
    root = place_of(site, shell)
    if not runs_here(root):
        made = finished(root)
        if made is None:
            raise Blocked(f"{root} is a tree of sources that was not built for this machine",
                          next="chapter 02_toolchain_build builds it: "
                               f"`runbook run --site {site.file} --only 02_toolchain_build`")
        root = made
    return go_in(root, site.toolchain.go.kind, shell)


def runs_here(root: Path) -> bool:
    """Whether it is to be taken as it is: false where it has sources to build, and no program for this machine."""
    tree = look_at(root)
    return not tree.buildable or (tree.installed and not is_foreign(tree))


def is_foreign(tree: Tree) -> bool:
    """Whether its program is for another machine than this one."""
    own = of_machine(os.uname().machine)
    return bool(tree.program) and own is not None and tree.program != own.name


def require(go: Go, target: Target) -> None:
    """Raises Blocked where this Go does not build for the target."""
    if go.builds_for(target.goarch):
        return
    raise Blocked(
        f"Go {go.version} in {go.root} does not build for linux/{target.goarch}: not in `go tool dist list`",
        next=to_ask_for(target))


def to_ask_for(target: Target) -> str:
    """What Go a site needs for a target, and what to ask its vendor for."""
    if target.go.upstream:
        return f'upstream Go has it since {target.go.since}: name such a Go in [toolchain] go = "version:…"'
    ports = f" (ports were seen at {', '.join(target.go.ports)})" if target.go.ports else ""
    return (f"upstream Go has no {target.goarch} in any release: ask the vendor for its port of Go{ports}, the whole "
            f"tree with src/cmd/internal/obj/{target.goarch} and src/make.bash, or that tree built for this machine, "
            f'whose `go tool dist list` has linux/{target.goarch}; name it in [toolchain] go = "dir:…" or "archive:…"')


def go_in(root: Path, origin: str, shell: Shell) -> Go:
    """Asks the Go of a folder what it is. Raises Blocked where that is none, or it does not run here."""
    tree = look_at(root)
    if not tree.installed:
        raise Blocked(
            f"{root}: no Go there, bin/go is missing",
            next="setup/prepare fetches Go; name the folder of a vendor's port in [toolchain] go",
        )
    if is_foreign(tree):  # where the kernel has an emulator for it, it would run all the same, and nobody would know
        raise Blocked(f"{root}/bin/go does not run on this machine: it is for {tree.program}", next=FOR_THIS)
    try:
        program = root / "bin" / "go"
        told = shell.run(asking(program, "version")).text.strip()
        listed = shell.run(asking(program, "tool", "dist", "list")).text.split()
        # The person's own `go env -w` counts for where the caches are, and for nothing else.
        answered = shell.run(asking(program, "env", "-json", *SETTINGS)).text
    except RemoteError as error:
        raise Blocked(f"{root}/bin/go does not run on this machine", tail=f"{error.what}\n{error.tail}",
                      next=FOR_THIS) from error
    says = SAYS.match(told)
    settings = _settings(answered)
    if not says or settings is None or not listed or not all(map(PAIR.fullmatch, listed)):
        raise Blocked(f"{root}/bin/go is no Go: asked for its version, it says {told[:60]!r}",
                      next="name the folder of a Go in [toolchain] go")
    return Go(root, says[1] or "devel", frozenset(listed), settings, origin)


def require_whole(go: Go, target: Target, shell: Shell) -> None:
    """Raises Blocked where packages of its standard library are not there: a tree that was half copied.

    It is asked for the target where it knows it, else for this machine.
    """
    goarch = target.goarch if go.builds_for(target.goarch) else go.settings["GOHOSTARCH"]
    asked = asking(go.program, "list", "-e", "-f", LACKING, "std", environment=(
        "GO111MODULE=off", "CGO_ENABLED=0", "GOOS=linux", f"GOARCH={goarch}"))
    try:
        told = shell.run(asked)
    except RemoteError as error:
        raise Blocked(f"{go.root} does not know its own packages", tail=error.tail, next=HALF) from error
    lacking = told.text.split() or (["all of std"] if NO_PACKAGES in told.tail() else [])
    if lacking:
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        raise Blocked(f"{go.root} is not whole: of what {', '.join(lacking[:3])}{more} import, something is missing",
                      next=HALF)


def _settings(text: str) -> dict[str, str] | None:
    """What `go env -json` says; None where it is no such answer."""
    try:
        told = json.loads(text)
    except ValueError:
        return None
    whole = isinstance(told, dict) and all(isinstance(told.get(name), str) for name in SETTINGS)
    return told if whole else None


def asking(program: Path, *words: str, environment: tuple[str, ...] = ()) -> Command:
    """A Go asked about itself, whatever a person's own `go env -w` or environment says of flags and toolchains."""
    # Not an empty GOFLAGS: that would let what a person wrote with `go env -w` through, and an old Go may not know it.
    return command("env", "GOTOOLCHAIN=local", "GOFLAGS=-mod=readonly", *environment, str(program), *words,
                   limit=LIMIT)
