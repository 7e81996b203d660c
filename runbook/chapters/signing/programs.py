"""The two programs of signing: one signs with SM2 on this machine, one checks on the hosts; neither needs anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

from runbook.chapters.compile.build import HOME, Built, build
from runbook.chapters.compile.decide import recipe_for
from runbook.chapters.compile.pinned import native
from runbook.chapters.compile.sources import read_sources
from runbook.chapters.toolchain.observe import PREPARED, Go, find_go
from runbook.errors import Blocked
from runbook.remote.shell import Shell
from runbook.site import ROOT, GoSource, Site

MODULE = ROOT / "services" / "signing"
VERIFY, SM2 = "verify", "sm2"


def verifier(machine: str, site: Site, shell: Shell) -> Built:
    """What a host of that machine runs, by its own name for it. Raises Blocked where no Go builds it; BuildFailed."""
    return _program(VERIFY, machine, site, shell)


def signer(site: Site, shell: Shell) -> Built:
    """What signs with SM2 on this machine. Raises Blocked where no Go builds it, and BuildFailed."""
    return _program(SM2, os.uname().machine, site, shell)


def _program(name: str, machine: str, site: Site, shell: Shell) -> Built:
    """By the site's Go; a port that is too old or knows one machine only leaves it to the project's own."""
    target, sources = native(machine), read_sources(MODULE, name)
    why: Blocked | None = None
    for go in _gos(site, shell):
        try:
            return build(recipe_for(name, sources, go, target, HOME), shell)
        except Blocked as error:
            why = why or error
    assert why is not None
    raise Blocked(f"{name} for {machine}, which signatures need, is built by no Go here: {why.what}",
                  next="name a Go from 1.18 on that knows the machine in [toolchain]; or on_hosts = false in [signing]:"
                       " then no host checks a signature") from why


def _gos(site: Site, shell: Shell) -> Iterator[Go]:
    yield find_go(site, shell)
    if (PREPARED / "bin" / "go").exists():
        own = replace(site.toolchain, go=GoSource("dir", str(PREPARED)))
        yield find_go(replace(site, toolchain=own), shell)
