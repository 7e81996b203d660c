"""What this machine must have before a bed can stand on it, each with the command that mends its lack."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from runbook.errors import Blocked
from runbook.testbed.program import search_path

PACKAGES = {
    "/lib/systemd/systemd": "systemd", "dbus-daemon": "dbus", "sshd": "openssh-server",
    "ssh-keygen": "openssh-client", "containerd": "containerd", "runc": "runc", "sudo": "sudo",
    "ip": "iproute2", "nft": "nftables", "unshare": "util-linux", "nsenter": "util-linux", "setpriv": "util-linux",
    "setsid": "util-linux", "ipmi_sim": "openipmi",
}
"""Every program that a bed needs, and Debian's package of it."""


@dataclass(frozen=True)
class Lack:
    """One missing part."""

    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.what} ({self.mend})"


def lacking() -> tuple[Lack, ...]:
    """What is missing here for a bed; empty where one can stand."""
    if sys.platform != "linux":
        return (Lack(f"Linux; this is {sys.platform}", "rehearse on a Linux machine, or steer real servers"),)
    found = []
    if os.geteuid() != 0:
        found.append(Lack("root: namespaces, mounts and a bridge are made", "run it as root, or with sudo"))
    path = search_path()
    packages = sorted({package for name, package in PACKAGES.items() if not shutil.which(name, path=path)})
    if packages:
        found.append(Lack(f"programs of {', '.join(packages)}", f"apt-get install {' '.join(packages)}"))
    whole = Path("/").stat().st_dev
    split = [name for name in ("/etc", "/usr", "/var", "/bin") if Path(name).stat().st_dev != whole]
    if split:
        found.append(Lack(f"one file system for the whole system; apart are {', '.join(split)}",
                          "rehearse on a machine that is not split: a host's disk lies over `/` alone"))
    return tuple(found)


def require() -> None:
    """Raises Blocked that names every missing part and the command that mends it."""
    if lacks := lacking():
        parts = "; ".join(lack.what for lack in lacks)
        raise Blocked(f"no testbed can stand on this machine: it lacks {parts}",
                      next="; ".join(lack.mend for lack in lacks))


def require_root() -> None:
    """Raises Blocked where this process may not take a bed down."""
    if os.geteuid() != 0:
        raise Blocked("only root takes a testbed down", next="run it as root, or with sudo")
