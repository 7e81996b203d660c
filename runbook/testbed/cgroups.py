"""A bed's folders in this machine's cgroup hierarchies: who belongs to it, and how all of them are ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook.testbed.program import TestbedError

KEEPERS = "keepers"
"""The group of what runs outside the hosts: supervisors and BMCs."""

END_SECONDS = 10.0


@dataclass(frozen=True)
class Hierarchy:
    """One mounted hierarchy: a v1 controller (several, where mounted together), or v2 (`man 7 cgroups`)."""

    mount: Path
    unified: bool
    controllers: tuple[str, ...]          # of v1; a named one is `name=systemd`

    def group(self, *names: str) -> Path:
        return self.mount.joinpath(*names)


def hierarchies() -> tuple[Hierarchy, ...]:
    """Every hierarchy of this machine, the one that tracks processes first: v2, else systemd's own.

    Raises TestbedError where no hierarchy is mounted.
    """
    found = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, kind, options, *_ = line.split()
        if kind in ("cgroup", "cgroup2"):
            names = () if kind == "cgroup2" else tuple(
                word for word in options.split(",") if word.startswith("name=") or word in _v1_controllers())
            found.append(Hierarchy(Path(mount), kind == "cgroup2", names))
    if not found:
        raise TestbedError("no cgroup hierarchy is mounted on this machine",
                           next="mount -t cgroup2 cgroup2 /sys/fs/cgroup")
    return tuple(sorted(found, key=lambda one: (not one.unified, "name=systemd" not in one.controllers)))


def _v1_controllers() -> frozenset[str]:
    lines = Path("/proc/cgroups").read_text().splitlines()[1:]
    return frozenset(line.split()[0] for line in lines)


def make(bed: str, *groups: str) -> None:
    """The folder of a bed and of each of its groups, in every hierarchy, ready to take processes in."""
    for hierarchy in hierarchies():
        for folder in (hierarchy.group(bed), *(hierarchy.group(bed, name) for name in groups)):
            folder.mkdir(exist_ok=True)
            if "cpuset" in hierarchy.controllers:
                # v1 refuses processes until both are filled (Documentation/admin-guide/cgroup-v1/cpusets.rst)
                for name in ("cpuset.cpus", "cpuset.mems"):
                    (folder / name).write_text((folder.parent / name).read_text())
        if hierarchy.unified:
            _delegate(hierarchy.mount)
            _delegate(hierarchy.group(bed))


def _delegate(folder: Path) -> None:
    for name in (folder / "cgroup.controllers").read_text().split():
        try:
            (folder / "cgroup.subtree_control").write_text(f"+{name}")
        except OSError:  # EINVAL: `cpu` where a realtime process runs; the hosts go without that controller
            continue


def renew(bed: str, host: str) -> None:
    """An empty group for a host that starts (again): what its last boot left in it is taken away."""
    for hierarchy in hierarchies():
        remove(hierarchy.group(bed, host))
    make(bed, host)
    for hierarchy in hierarchies():
        if "devices" in hierarchy.controllers:
            # no host may open this machine's disks. Not `m`: runc allows each container that, and may
            # only allow what it has itself. v2 has no file for this.
            (hierarchy.group(bed, host) / "devices.deny").write_text("b *:* rw")


def join(bed: str, group: str, pid: int) -> None:
    """Put a process into a group, in every hierarchy."""
    for hierarchy in hierarchies():
        (hierarchy.group(bed, group) / "cgroup.procs").write_text(str(pid))


def folders(bed: str) -> tuple[Path, ...]:
    """Every folder of a bed that is there, deepest first."""
    roots = [one.group(bed) for one in hierarchies()]
    return tuple(folder for root in roots if root.is_dir() for folder in _deepest_first(root))


def _deepest_first(folder: Path) -> Iterator[Path]:
    for path, _, _ in os.walk(folder, topdown=False):
        yield Path(path)


def members(bed: str, group: str = "") -> frozenset[int]:
    """The processes of a bed, or of one group of it."""
    pids: set[int] = set()
    for folder in folders(f"{bed}/{group}" if group else bed):
        try:
            pids.update(int(pid) for pid in (folder / "cgroup.procs").read_text().split())
        except (FileNotFoundError, OSError):  # it went while we looked (ENODEV): then it had no member
            continue
    return frozenset(pids - {0})


def end(bed: str, group: str = "") -> None:
    """Kill every process of a bed or of one group, and see them gone. Raises TestbedError where one stays."""
    limit = time.monotonic() + END_SECONDS
    while pids := members(bed, group):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > limit:
            raise TestbedError(f"{bed}: processes {sorted(pids)} do not die after {END_SECONDS:g} s",
                               next="`ps -o pid,stat,wchan,args -p PID` says what they wait for")
        time.sleep(0.01)


def remove(root: Path) -> None:
    """Remove a group's folder with all below it. Raises TestbedError where the kernel keeps one."""
    limit = time.monotonic() + END_SECONDS
    while root.is_dir():
        for folder in _deepest_first(root):
            try:
                folder.rmdir()
            except OSError:  # EBUSY: the last process is on its way out
                break
        else:
            return
        if time.monotonic() > limit:
            raise TestbedError(f"{root}: the kernel still holds it after {END_SECONDS:g} s",
                               next=f"`cat {root}/cgroup.procs` says which processes are in it")
        time.sleep(0.01)
