"""How a service is built: the words, the environment, and the key under which the outcome is kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.compile.modules import DEVELOPMENT
from runbook.chapters.compile.sources import Sources
from runbook.chapters.toolchain.observe import Go, require
from runbook.errors import Blocked
from runbook.site import ROOT
from runbook.targets import Target

PRIVATE = ROOT / ".cache" / "modules"
"""The module cache of every build; `provide` fills it. It can be carried to a machine without a network."""
RECIPE = 1
"""Counts up when the recipe changes in a way that its words do not show."""


@dataclass(frozen=True, repr=False)
class Recipe:
    """One build: equal recipes make equal binaries, which is what building twice puts to the test."""

    service: str
    target: str
    go: Go
    sources: Sources
    flags: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    package: str = ""  # of another module, by its import path; empty: the folder of the service's name

    @property
    def key(self) -> str:
        """Of all that the binary depends on: sources, Go's version and origin, flags, environment."""
        kept = {
            "recipe": RECIPE,
            "service": self.service,
            "package": self.package,
            "sources": self.sources.sha256,
            "go": [self.go.version, str(self.go.root.resolve())],
            "flags": self.flags,
            "environment": [list(pair) for pair in self.environment if pair[0] not in PLACES],
        }
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()

    def words(self, output: Path, *more_flags: str) -> tuple[str, ...]:
        """The command, to be run in the folder of the module."""
        assignments = [f"{name}={value}" for name, value in self.environment]
        go = ("env", "-i", *assignments, str(self.go.program))
        package = self.package or f"./{self.service}"
        return (*go, "build", *self.flags, *more_flags, "-o", str(output), package)

    def __str__(self) -> str:
        return f"{self.service} for linux/{dict(self.environment)['GOARCH']} by {self.go}, without cgo"

    __repr__ = __str__


TAGS = "nomsgpack"
"""Gin's own build tag: without MessagePack, which nobody here speaks, a third less to compile and to deploy."""

PLACES = ("PATH", "HOME", "GOROOT", "GOCACHE", "GOMODCACHE")
"""Where things lie on this machine; -trimpath keeps them out of the binary."""


def recipe_for(
    service: str, sources: Sources, go: Go, target: Target, home: Path, *, package: str = ""
) -> Recipe:
    """A service of the module, or by `package`, its import path, a program that the module pins.

    Raises Blocked where this Go cannot build these sources for the target.
    """
    require(go, target)
    if go.numbers < sources.go and go.numbers != DEVELOPMENT:
        raise Blocked(
            f"{sources.folder.name}/{sources.modules.file} asks for Go {sources.go[0]}.{sources.go[1]},"
            f" the site's is {go.version}",
            next="take a newer Go",
        )
    flags = ["-trimpath", f"-ldflags={linker_flags(sources, package)}"]
    if not package:
        flags.append(f"-tags={TAGS}")
    if go.numbers >= (1, 18):  # older ones neither stamp nor know the flag
        flags.insert(1, "-buildvcs=false")
    seen = environment(go, target.goarch, home, level=target.go.level, cache=PRIVATE)
    return Recipe(service, target.name, go, sources, (*sources.modules.flags, *flags), seen, package)


def linker_flags(sources: Sources, package: str = "") -> str:
    """No symbols, no build ID (it hashes what differs between equal builds), and the sources' version.

    Others' programs carry their own version, as their module has it.
    """
    return "-s -w -buildid=" + (f" -X main.version={sources.version}" if not package else "")


def level_variable(goarch: str) -> str:
    """Where Go looks for the level of an architecture, and under which name it is in the build information."""
    return f"GO{goarch.upper()}"


def environment(
    go: Go, goarch: str, home: Path, *, cgo: bool = False, level: str = "", cache: Path | None = None
) -> tuple[tuple[str, str], ...]:
    """All that the build sees: nothing of the person's own, no network, and no C compiler on the PATH.

    `cache` is where the modules are; without one, where the person's own Go keeps them.
    """
    return (
        ("PATH", str(go.root / "bin")),
        ("HOME", str(home)),
        ("GOROOT", str(go.root)),
        ("GOCACHE", go.settings["GOCACHE"]),
        ("GOMODCACHE", str(cache or go.settings["GOMODCACHE"])),
        ("GOENV", "off"),
        ("GOTOOLCHAIN", "local"),
        ("GOFLAGS", "-mod=readonly"),
        ("GOPROXY", "off"),
        ("GOWORK", "off"),
        ("GO111MODULE", "on"),
        ("CGO_ENABLED", "1" if cgo else "0"),
        ("GOOS", "linux"),
        ("GOARCH", goarch),
        *(((level_variable(goarch), level),) if level else ()),
    )
