"""The rehearsal: the testbed up, the chain on it, everything taken back, the testbed down."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from runbook.errors import Blocked, LockHeld
from runbook.opening import who
from runbook.report.conduct import Finished, conduct
from runbook.report.progress import Progress
from runbook.report.selection import Asked, select, teardown
from runbook.run import Run
from runbook.site import load_site
from runbook.targets import load_target, of_machine
from runbook.testbed import bed
from runbook.testbed.emulation import Emulation

SITE = "sites/testbed.toml"


def rehearse(asked: Asked, progress: Progress, *, target: str = "", keep: bool = False) -> Finished:
    """Rehearses on the testbed; with `keep` its hosts and what was deployed on them stay.

    Raises TargetError and ParameterError before anything is brought up, Blocked where this machine cannot hold
    the testbed.
    """
    site = load_site(SITE)
    wanted = load_target(target or site.target).name
    selection = select(asked)
    with _standing(wanted, progress, keep=keep) as standing:
        site = replace(site, target=_executable(standing.emulation, progress))
        run = Run.start(site, check=asked.check, by=who())
        with progress:
            return conduct(run, selection, progress, afterwards=None if keep else teardown(Asked()), asked=asked)


@contextmanager
def _standing(target: str, progress: Progress, *, keep: bool) -> Iterator[bed.Bed]:
    """The bed, up; afterwards down, unless it is to be kept or somebody else uses it."""
    if keep:
        standing = bed.up(SITE, target=target)
        progress.say(f"{standing} ({standing.seconds:.1f} s)")
        yield standing
        return
    try:
        with bed.borrowed(SITE, target=target) as standing:
            progress.say(f"{standing} ({standing.seconds:.1f} s)")
            yield standing
    finally:
        try:
            progress.say(f"{bed.down(SITE).name}: down, nothing is left")
        except LockHeld as held:
            progress.say(f"stays up: {held.what}")


def _executable(emulation: Emulation, progress: Progress) -> str:
    """The target whose programs run here: the wanted one, or this machine's own where that cannot be."""
    if emulation.available:
        return emulation.target
    own = of_machine(os.uname().machine)
    if own is None:
        raise Blocked(
            f"{emulation.target} cannot run here ({emulation.why}), and no target describes this machine",
            next="add a file to runbook/targets/ for `uname -m`",
        )
    progress.say(f"{emulation.target} cannot run here: {emulation.why}; goes on natively, as {own.name}")
    return own.name
