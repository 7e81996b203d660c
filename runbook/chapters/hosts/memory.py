"""Memory, its NUMA nodes, and the disks of a host."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runbook.chapters.sections import sections, whole_number
from runbook.remote.command import Script
from runbook.remote.question import Question

KIB = 1024


@dataclass(frozen=True)
class Memory:
    """Sizes in bytes, from /proc/meminfo."""

    total: int
    available: int
    swap: int
    huge_page: int | None

    def __str__(self) -> str:
        return f"{self.total / (1 << 30):.0f} GiB of memory"


def parse_memory(text: str) -> Memory:
    """Raises ValueError without a MemTotal."""
    sizes = {
        found[1]: int(found[2]) * KIB for found in re.finditer(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)
    }
    if "MemTotal" not in sizes:
        raise ValueError("/proc/meminfo has no MemTotal")
    # MemAvailable came with kernel 3.14.
    available = sizes.get("MemAvailable", sizes.get("MemFree", 0))
    return Memory(sizes["MemTotal"], available, sizes.get("SwapTotal", 0), sizes.get("Hugepagesize"))


MEMORY = Question(Script("cat /proc/meminfo"), parse_memory)


@dataclass(frozen=True)
class Node:
    """One NUMA node: its CPUs as the kernel lists them, its memory in bytes, its distances to all nodes."""

    number: int
    cpus: str
    memory: int | None
    distances: tuple[int, ...]


@dataclass(frozen=True)
class Numa:
    """The memory nodes; a distance is the firmware's claim (ACPI SLIT), not a measured latency."""

    nodes: tuple[Node, ...]

    @property
    def furthest(self) -> float:
        """The largest distance as a ratio to a node's distance to itself; 1 with one node."""
        own = min((distance for node in self.nodes for distance in node.distances), default=10)
        return max((distance for node in self.nodes for distance in node.distances), default=own) / max(
            own, 1
        )

    def __str__(self) -> str:
        return f"{len(self.nodes)} NUMA node{'s' * (len(self.nodes) != 1)}"


def parse_numa(text: str) -> Numa:
    """A kernel without NUMA has no nodes in sysfs: an empty value, not an error."""
    nodes = []
    for line in text.splitlines():
        name, cpus, distances, memory = (line.split("|") + [""] * 4)[:4]
        number = whole_number(name.removeprefix("node"))
        if number is None:
            continue
        size = re.search(r"MemTotal:\s+(\d+) kB", memory)
        words = tuple(int(word) for word in distances.split() if word.isdecimal())
        nodes.append(Node(number, cpus.strip(), int(size[1]) * KIB if size else None, words))
    return Numa(tuple(sorted(nodes, key=lambda node: node.number)))


NUMA = Question(
    Script(
        "for node in /sys/devices/system/node/node[0-9]*; do\n"
        '  [ -d "$node" ] || continue\n'
        "  printf '%s|' \"${node##*/}\"\n"
        '  { cat "$node/cpulist" 2>/dev/null || echo; } | tr "\\n" "|"\n'
        '  { cat "$node/distance" 2>/dev/null || echo; } | tr "\\n" "|"\n'
        '  head -n 1 "$node/meminfo" 2>/dev/null || echo\n'
        "done; :"
    ),
    parse_numa,
)


@dataclass(frozen=True)
class FileSystem:
    """One mounted file system; sizes in bytes, `kind` empty where df cannot tell it."""

    mounted: str
    kind: str
    size: int
    free: int


@dataclass(frozen=True)
class Disks:
    """The file systems that hold the folders asked for, by folder."""

    by_folder: tuple[tuple[str, FileSystem], ...]

    def free(self, folder: str) -> int | None:
        """Free bytes of a folder's file system; None where it was not asked for."""
        return next((system.free for name, system in self.by_folder if name == folder), None)

    def __str__(self) -> str:
        least = min((system.free for _, system in self.by_folder), default=0)
        return f"{least / (1 << 30):.0f} GiB free where least is"


FOLDERS = ("/", "/opt", "/var/lib", "/tmp")
"""Where things are put: the service, pre-images and containers, what is in transit."""


def parse_disks(text: str) -> Disks:
    """Raises ValueError where df told nothing."""
    found = []
    for folder, told in sections(text).items():
        rows = [line.split() for line in told.splitlines() if line.strip()]
        if folder and len(rows) > 1 and (system := _file_system(rows[0], rows[-1])):
            found.append((folder, system))
    if not found:
        raise ValueError("df tells of no file system")
    return Disks(tuple(found))


def _file_system(header: list[str], row: list[str]) -> FileSystem | None:
    """A row of df -P or -PT; the device may hold blanks, so columns are counted from the size on."""
    typed = "Type" in header
    numbers = next(
        (at for at in range(1, len(row) - 3) if all(word.isdecimal() for word in row[at : at + 3])), None
    )
    if numbers is None:
        return None
    kind = row[numbers - 1] if typed and numbers > 1 else ""
    size, free = int(row[numbers]) * KIB, int(row[numbers + 2]) * KIB
    return FileSystem(" ".join(row[numbers + 4 :]), kind, size, free)


DISKS = Question(
    Script(
        "LC_ALL=C; export LC_ALL\n"
        'for folder; do echo "== $folder"\n'
        # A folder that is not there yet will lie where its parent does.
        '  near=$folder; while [ ! -d "$near" ]; do near=${near%/*}; near=${near:-/}; done\n'
        '  df -PkT "$near" 2>/dev/null || df -Pk "$near" 2>/dev/null\n'
        "done; :",
        FOLDERS,
    ),
    parse_disks,
)
