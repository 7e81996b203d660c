"""A bed: brought up in seconds, taken down without a trace."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runbook.errors import Blocked, LockHeld
from runbook.site import load_site
from runbook.testbed import bmc, cgroups, emulation, host, image, keys, lock, network, prerequisites
from runbook.testbed.emulation import Emulation
from runbook.testbed.layout import DISKS, KEYS, Layout, Place, layout_of
from runbook.testbed.status import READY, BedStatus, stands, status_of

RECORD = "bed.json"
FORM = 1
"""Of the state folder: a bed that stands over an upgrade of the runbook is not taken for one of today's."""

TRANSIENT = "transient"
"""The file that marks a bed as one that its last user takes down."""


@dataclass(frozen=True)
class Bed:
    """A standing bed."""

    layout: Layout
    emulation: Emulation
    stood: bool                           # already, before this `up`
    seconds: float

    @property
    def site_file(self) -> Path:
        return self.layout.site_file

    @property
    def hosts(self) -> tuple[Place, ...]:
        return self.layout.places

    def standing(self) -> bool:
        """Whether its addresses may be used; ask before sending anything to them."""
        return stands(self.layout)

    def status(self) -> BedStatus:
        """Each host's power, address and sshd, asked now."""
        return status_of(self.layout)

    def __str__(self) -> str:
        count = f"{len(self.hosts)} host{'s' * (len(self.hosts) != 1)}"
        return f"{self.layout.name}: {count}, {'stands already' if self.stood else 'up'}"


def up(site: str | Path, *, target: str = "") -> Bed:
    """Bring up the bed of a site file, unless it stands; it runs programs of `target`, else of the site's.

    Raises Blocked where this machine lacks something or the prefix is taken, TestbedError where
    a host does not start; whatever was begun is then taken back, on SIGINT too.
    """
    prerequisites.require()
    layout = layout_of(load_site(site))
    with lock.changing(layout.name):
        bed = _standing(layout, target, transient=False)
        (layout.state / TRANSIENT).unlink(missing_ok=True)  # somebody wants it to stay
    return bed


@contextmanager
def borrowed(site: str | Path, *, target: str = "") -> Iterator[Bed]:
    """A standing bed for as long as the `with` lasts: nobody takes it down, whoever brought it up.

    Where it did not stand, it is brought up, and its last borrower takes it down. Raises as `up` does.
    """
    prerequisites.require()
    layout = layout_of(load_site(site))
    with lock.changing(layout.name):
        bed = _standing(layout, target, transient=True)
        use = lock.Use(layout.state)
    try:
        yield bed
    finally:
        use.end()
        with lock.changing(layout.name):
            if (layout.state / TRANSIENT).exists() and not lock.users(layout.state):
                clear(layout)


def down(site: str | Path) -> Layout:
    """Take down the bed of a site file and all that is left of one, whatever state it is in.

    Raises LockHeld where another process uses it, TestbedError where something cannot be taken away.
    """
    layout = layout_of(load_site(site))
    prerequisites.require_root()
    with lock.changing(layout.name):
        refuse_in_use(layout)
        clear(layout)
    return layout


def status(site: str | Path) -> BedStatus:
    """How the bed of a site file stands. Needs no root."""
    return status_of(layout_of(load_site(site)))


def require_standing(site: str | Path) -> None:
    """Raises Blocked where the bed of a site file is down: nothing may be sent to its addresses then."""
    layout = layout_of(load_site(site))
    if not stands(layout):
        raise Blocked(f"the testbed {layout.name} is down", next=f"runbook testbed up --site {site}")


def _standing(layout: Layout, target: str, *, transient: bool) -> Bed:
    """Under the lock: the bed as it stands, or built."""
    began = time.monotonic()
    stood = stands(layout) and not _abandoned(layout)
    if stood:
        _refuse_anothers(layout)
        for place in layout.places:
            host.revive(layout, place)
        if not status_of(layout).ok:  # asking systemd as well takes longer, and it said yes before
            _await_all(layout)
        emulated = emulation.provide(target or layout.target, layout.name)
    else:
        emulated = _build(layout, target or layout.target, transient)
    return Bed(layout, emulated, stood, time.monotonic() - began)


def _build(layout: Layout, target: str, transient: bool) -> Emulation:
    try:
        clear(layout)
        network.refuse_a_taken_prefix(layout)
        layout.state.mkdir(parents=True, mode=0o755)
        record(layout)
        if transient:
            (layout.state / TRANSIENT).touch()
        network.fence(layout)
        for place in layout.places:
            place.state.mkdir()
        network.build(layout)
        host_keys, operator_key = keys.make(layout)
        cgroups.make(layout.group, cgroups.KEEPERS)
        for place in layout.places:
            image.write(layout, place, host_keys[place.name].private, operator_key)
            host.supply(layout, place)
            if place.bmc_address and layout.bmc_password:
                bmc.start(layout, place, layout.bmc_password.read_text().strip())
        emulated = emulation.provide(target, layout.name)
        _await_all(layout)
        (layout.state / READY).touch()
        return emulated
    except BaseException:  # SIGINT too: what was begun is taken back, and the reason goes on
        clear(layout)
        raise


def _await_all(layout: Layout) -> None:
    """One after the other, while all of them boot: so an interrupt is not held up by a thread that waits."""
    until = time.monotonic() + host.BOOT_SECONDS
    for place in layout.places:
        host.await_boot(place, until)


def _abandoned(layout: Layout) -> bool:
    """Whether the bed that stands is nobody's any more: one without a process, whoever brought it up; or another
    clone's that nobody uses, where that clone is gone, only borrowed it, or lost the supervisors of its hosts."""
    if lock.users(layout.state):
        return False
    if not cgroups.members(layout.group):
        return True
    noted = _recorded(layout)
    if noted.get("form") == FORM and noted.get("keys") == str(layout.keys):
        return False
    forgotten = (layout.state / TRANSIENT).exists() or not Path(str(noted.get("site", ""))).is_file()
    return forgotten or not host.supervised(layout)


def record(layout: Layout) -> None:
    """Note whose the bed is, before anything of it is made."""
    noted = {"site": str(layout.site_file), "keys": str(layout.keys), "form": FORM}
    (layout.state / RECORD).write_text(json.dumps(noted))


def _recorded(layout: Layout) -> dict[str, object]:
    """What `up` noted of the bed; empty where it was killed while it wrote, or somebody took the note away."""
    try:
        return dict(json.loads((layout.state / RECORD).read_text()))
    except (OSError, ValueError):
        return {}


def _refuse_anothers(layout: Layout) -> None:
    """Two clones of the project on one machine have beds of one name, but each has its own keys."""
    noted = _recorded(layout)
    if noted.get("form") != FORM:
        raise Blocked(f"the bed {layout.name} that stands was brought up by another version of the runbook",
                      next="`runbook testbed down`, then up again")
    if noted["keys"] != str(layout.keys):
        raise Blocked(f"a bed {layout.name} stands already, for {noted['site']}",
                      next="`runbook testbed down` there, or another name and other addresses here")


def refuse_in_use(layout: Layout) -> None:
    """Raises LockHeld where another process uses the bed."""
    if layout.state.exists() and (users := lock.users(layout.state)):
        pids = ", ".join(map(str, users))
        raise LockHeld(f"{layout.name}: in use by process {pids}",
                       next=f"`ps {pids}` says what it is; wait for it or end it")


def clear(layout: Layout) -> None:
    """Take away everything of a bed. Nothing needs to be there, and nothing needs to be whole."""
    cgroups.end(layout.group, cgroups.KEEPERS)  # first: they would start their hosts again
    cgroups.end(layout.group)
    network.remove(layout)
    for hierarchy in cgroups.hierarchies():
        cgroups.remove(hierarchy.group(layout.group))
    emulation.release(layout.name)
    keys.remove(layout.keys)
    recorded = _recorded_keys(layout)
    if recorded:
        keys.remove(recorded)
    for folder in (layout.disk, layout.state):
        if folder.exists():
            shutil.rmtree(folder)
    if DISKS.is_dir() and not os.listdir(DISKS):
        DISKS.rmdir()


def _recorded_keys(layout: Layout) -> Path | None:
    """The folder of keys that `up` made, which is another where another clone of the project made it."""
    noted = _recorded(layout)
    if "keys" not in noted:  # no bed, or killed while writing it: it made no keys yet
        return None
    folder = Path(str(noted["keys"]))
    return folder if folder.parts[-3:] == (KEYS / layout.name).parts else None
