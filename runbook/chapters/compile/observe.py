"""What the compile chapter starts from: the site's Go, the service's sources, and the machines that run tools."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook.chapters.buildhost.observe import BuildHost
from runbook.chapters.compile.forms import form_of, forms_in
from runbook.chapters.compile.revision import stamped
from runbook.chapters.compile.sources import Sources, read_sources
from runbook.chapters.toolchain.observe import Go, find_go
from runbook.digest import sha256_of
from runbook.errors import Blocked
from runbook.remote.shell import Shell
from runbook.site import ROOT, Site

SERVICES = ROOT / "services"


@dataclass(frozen=True, repr=False)
class Ingredients:
    """What a build is made of; `machines` are the hosts' own names for theirs, where a chapter asked for them."""

    go: Go
    sources: Sources
    forms: tuple[str, ...] = ()  # packages of the service, the one that is deployed first
    machines: Mapping[str, str] = field(default_factory=dict, hash=False)
    host: BuildHost | None = None  # that compiles; None: this machine

    def __str__(self) -> str:
        where = f"; to be compiled on {self.host.name}" if self.host else ""
        return f"{self.go}, {self.sources}, {self.sources.modules}{where}"

    __repr__ = __str__


def by_the_passport(go: Go, passport: str) -> None:
    """Holds the Go that was found against the passport that the toolchain chapter wrote, as TOML.

    Raises Blocked where it is another one: what is chosen by it, the modules first, would not be what the run says.
    """
    told = tomllib.loads(passport)["go"]
    program = sha256_of(go.program)
    if (go.version, program) != (told["version"], told["program_sha256"]):
        raise Blocked(
            f"the run's passport is of Go {told['version']} ({told['program_sha256'][:12]}),"
            f" here is Go {go.version} ({program[:12]})",
            next="run 02_toolchain_build again in this run: the toolchain was changed since",
        )


def ingredients(
    site: Site, shell: Shell, services: Path = SERVICES, machines: Mapping[str, str] | None = None
) -> Ingredients:
    """Raises Blocked where Go or the service's sources are missing."""
    go, deployed = find_go(site, shell), form_of(site.service)
    sources = stamped(read_sources(services, deployed, go=go, modules=site.toolchain.modules), shell)
    others = tuple(one for one in forms_in(services, site.service) if one != deployed)
    return Ingredients(go, sources, (deployed, *others), machines or {})
