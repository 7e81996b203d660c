"""The two programs of signing: one signs with SM2 on this machine, one checks on the hosts; neither needs anything."""

from __future__ import annotations

import os

from runbook.chapters.compile.build import KEPT, Built, build
from runbook.chapters.compile.decide import Recipe, recipe_for
from runbook.chapters.compile.pinned import native
from runbook.chapters.compile.sources import read_sources
from runbook.chapters.toolchain.observe import Go
from runbook.remote.shell import Shell
from runbook.site import ROOT

MODULE = ROOT / "services" / "signing"
VERIFY, SM2 = "verify", "sm2"
HOME = KEPT / "home"


def recipe(program: str, machine: str, go: Go) -> Recipe:
    """For a machine by its own name. Raises Blocked where this Go cannot build it, as one before 1.19."""
    return recipe_for(program, read_sources(MODULE, program), go, native(machine), HOME)


def verifier(machine: str, go: Go, shell: Shell) -> Built:
    """What a host runs, built or taken from before. Raises Blocked and BuildFailed."""
    HOME.mkdir(parents=True, exist_ok=True)
    return build(recipe(VERIFY, machine, go), shell)


def signer(go: Go, shell: Shell) -> Built:
    """What signs with SM2, for the machine that the shell is of, which is this one. Raises Blocked and BuildFailed."""
    HOME.mkdir(parents=True, exist_ok=True)
    return build(recipe(SM2, os.uname().machine, go), shell)
