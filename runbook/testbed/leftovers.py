"""What is left of a bed on this machine: after `down` there must be nothing to count."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from runbook.testbed import cgroups, emulation, network
from runbook.testbed.layout import STATES, Layout


@dataclass(frozen=True)
class Leftovers:
    """Everything of a bed that is on this machine, by kind; empty where it is down.

    The unreachable route is not among it: it stays for good (network.fence).
    """

    processes: tuple[str, ...]
    namespaces: tuple[str, ...]           # held by a mount of ours, whoever is in them
    mounts: tuple[str, ...]
    interfaces: tuple[str, ...]
    cgroups: tuple[str, ...]
    files: tuple[str, ...]
    registrations: tuple[str, ...]        # of an emulator, in the bed's name

    def __bool__(self) -> bool:
        return any(getattr(self, one.name) for one in fields(self))

    def __str__(self) -> str:
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        kinds = [f"{kind}: {', '.join(some)}" for kind, some in found.items() if some]
        return "; ".join(kinds) or "nothing is left"


def leftovers(layout: Layout) -> Leftovers:
    """Count what is there of a bed. Looks at the machine, not at notes of what was made."""
    mounts = [(words[1], words[2]) for line in Path("/proc/self/mounts").read_text().splitlines()
              if (words := line.split())]
    lock = STATES / f"{layout.name}.lock"
    own = [(at, kind) for at, kind in mounts
           if Path(at).is_relative_to(layout.state) or Path(at).is_relative_to(layout.disk)]
    return Leftovers(
        processes=tuple(sorted(_processes(layout))),
        namespaces=tuple(at for at, kind in own if kind == "nsfs"),
        mounts=tuple(at for at, kind in own if kind != "nsfs"),
        interfaces=tuple(name for name in (layout.interface,) if network.interface_is_there(name)),
        cgroups=tuple(str(folder) for folder in cgroups.folders(layout.group)),
        files=tuple(str(path) for path in (layout.state, layout.disk, layout.keys, lock) if path.exists()),
        registrations=tuple(str(file) for file in emulation.SHARED.glob(f"*/{layout.name}")),
    )


def _processes(layout: Layout) -> set[str]:
    """Those in the bed's cgroups, and those that escaped: in a namespace of the bed, or started by it."""
    found = {str(pid) for pid in cgroups.members(layout.group)}
    namespaces = {path.stat().st_ino for path in network.namespace_mounts(layout)}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if (process / "ns/net").stat().st_ino in namespaces or (
                    b"runbook.testbed.supervisor" in words and layout.group.encode() in words):
                found.add(process.name)
        except OSError:  # it ended while we looked
            continue
    return found
