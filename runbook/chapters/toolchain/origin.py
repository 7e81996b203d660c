"""Where the site's Go comes from, and whether it is there as it is or is made of its sources first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.buildhost.decide import Place, place_for
from runbook.chapters.buildhost.observe import BuildHost
from runbook.chapters.toolchain.goroot import Tree, look_at
from runbook.chapters.toolchain.make import Making, finished, making
from runbook.chapters.toolchain.make_there import require_for_make
from runbook.chapters.toolchain.observe import runs_here
from runbook.chapters.toolchain.place import place_of
from runbook.remote.strict import StrictShell
from runbook.site import Site

READY, TO_MAKE = "nothing to build", "to be built"


@dataclass(frozen=True, repr=False)
class Origin:
    """The folder that the site's Go lies in; `making` where it has to be built, `made` where it was before."""

    root: Path
    kind: str
    tree: Tree
    making: Making | None = None
    made: Path | None = None
    host: BuildHost | None = None  # on which it is built; None: this machine

    def __str__(self) -> str:
        built = ", built here before" if self.made else ""
        return f"{self.tree}{built}"

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Wanted:
    """What is to be built before anything else; None: nothing."""

    making: Making | None = None
    place: Place | None = None

    def __str__(self) -> str:
        where = f", {self.place}" if self.place else ""
        return f"{TO_MAKE}: {self.making}{where}" if self.making else READY

    __repr__ = __str__


def origin_of(site: Site, shell: StrictShell) -> Origin:
    """Unpacks or fetches what the site names, where that was not done before; nothing is built.

    Raises Blocked with what mends it, and the errors of a host where it is a host's Go.
    """
    root, kind = place_of(site, shell), site.toolchain.go.kind
    if runs_here(root):
        return Origin(root, kind, look_at(root))
    made = finished(root)
    return Origin(root, kind, look_at(root), None if made else making(root, shell), made)


def to_make(seen: Origin) -> Wanted:
    """What is there, or was made of these sources before, is not made again.

    Raises Blocked where the host that is to build it cannot.
    """
    if seen.making is None or seen.host is None:
        return Wanted(seen.making)
    require_for_make(seen.host, seen.making)
    return Wanted(seen.making, place_for(seen.host))
