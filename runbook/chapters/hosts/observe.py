"""What a host is, asked in one round trip: the questions of the start and of the inspection."""

from __future__ import annotations

from runbook.chapters.hosts.boot import BOOT
from runbook.chapters.hosts.clock import CLOCK, TIME_KEEPER, Offset, Offsets, offset_of
from runbook.chapters.hosts.kernel import CGROUPS, KERNEL_CONFIG, LIMITS, SECURITY
from runbook.chapters.hosts.memory import DISKS, MEMORY, NUMA
from runbook.chapters.hosts.processor import CACHES, CPU, PAGE_SIZE
from runbook.chapters.hosts.system import INIT, LIBC, OS_RELEASE, PACKAGES, UNAME, Uname
from runbook.chapters.hosts.tools import CONTAINERS, SUDO, TOOLS
from runbook.errors import RunbookError
from runbook.remote.shell import Shell
from runbook.targets import Target
from runbook.verdict import Basis

START_QUESTIONS = (OS_RELEASE, UNAME, INIT, SUDO, TOOLS, DISKS)
"""Whether a host can be worked on."""

HOST_QUESTIONS = (
    OS_RELEASE, UNAME, CPU, PAGE_SIZE, CACHES, NUMA, MEMORY, CGROUPS, KERNEL_CONFIG, SECURITY,
    CLOCK, TIME_KEEPER, DISKS, LIMITS, CONTAINERS, INIT, PACKAGES, LIBC, BOOT,
)  # fmt: skip
"""The host as it is, before anything is changed."""


def basis_of(uname: Uname, target: Target) -> Basis:
    """How a target's program runs on a host: on its own machine, or under an emulator."""
    return Basis.NATIVE if uname.machine in target.names.uname else Basis.EMULATED


def clock_offsets(shells: tuple[Shell, ...]) -> Offsets:
    """The offsets of all clocks, one host after the other: side by side, they would disturb each other."""
    found: dict[str, Offset] = {}
    why_not: dict[str, str] = {}
    for shell in shells:
        try:
            found[shell.name] = offset_of(shell)
        except (RunbookError, ValueError) as error:
            why_not[shell.name] = str(error)
    return Offsets(found, why_not)
