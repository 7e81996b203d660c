"""What the compile chapter starts from: the site's Go and the service's sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.compile.sources import Sources, read_sources
from runbook.chapters.toolchain.observe import Go, find_go
from runbook.remote.shell import Shell
from runbook.site import ROOT, Site

SERVICES = ROOT / "services"


@dataclass(frozen=True, repr=False)
class Ingredients:
    """What a build is made of."""

    go: Go
    sources: Sources

    def __str__(self) -> str:
        return f"{self.go}, {self.sources}"

    __repr__ = __str__


def ingredients(site: Site, shell: Shell, services: Path = SERVICES) -> Ingredients:
    """Raises Blocked where Go or the service's sources are missing."""
    return Ingredients(find_go(site, shell), read_sources(services, site.service.name))
