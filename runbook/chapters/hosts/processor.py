"""The processors of a host, its page size and its caches, in the spellings of many architectures."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from runbook.chapters.sections import sections, whole_number
from runbook.remote.command import Script
from runbook.remote.question import Question

MODEL = ("model name", "cpu model", "uarch", "cpu", "processor")
FEATURES = ("flags", "features", "isa")
VENDOR = ("vendor_id", "vendor id", "cpu implementer", "mvendorid", "cpu family")
# lscpu translates its labels where a locale is set in spite of LC_ALL=C, and in recordings.
IN_CHINESE = {
    "型号名称": "model name",
    "厂商 id": "vendor id",
    "cpu": "cpu(s)",
    "座": "socket(s)",
    "标记": "flags",
    "numa 节点": "numa node(s)",
    "架构": "architecture",
}
NOT_KNOWN = ("", "-", "unknown")


@dataclass(frozen=True)
class Cpu:
    """The processors that are online; what no source tells is empty or None."""

    model: str
    vendor: str
    count: int
    sockets: int | None
    features: frozenset[str]

    def __str__(self) -> str:
        return f"{self.count} CPUs, {self.model or self.vendor or 'of a model that nothing names'}"


def parse_cpu(text: str) -> Cpu:
    """From lscpu, which knows the names behind numbers, and /proc/cpuinfo.

    Raises ValueError where neither is there.
    """
    parts = sections(text)
    return cpu_from(parts.get("cpuinfo", ""), parts.get("lscpu", ""), whole_number(parts.get("online", "")))


def cpu_from(cpuinfo: str, lscpu: str, online: int | None = None) -> Cpu:
    """The same from the two texts; either may be empty."""
    blocks, told = _blocks(cpuinfo), _labelled(lscpu)
    first = blocks[0] if blocks else {}
    count = online or whole_number(told.get("cpu(s)", "")) or len(blocks)
    if not count:
        raise ValueError("neither /proc/cpuinfo nor lscpu tells of a processor")
    packages = {block[name] for block in blocks for name in ("physical id", "package") if name in block}
    return Cpu(
        _first(MODEL[:1], told) or _first(MODEL, first),
        _first(VENDOR, told) or _first(VENDOR, first),
        count,
        whole_number(told.get("socket(s)", "")) or len(packages) or None,
        frozenset(_features(_first(FEATURES, told) or _first(FEATURES, first))),
    )


def _blocks(cpuinfo: str) -> list[dict[str, str]]:
    """One mapping a processor, labels in lower case; lines before the first processor go to each."""
    blocks: list[dict[str, str]] = []
    for line in cpuinfo.splitlines():
        label, colon, value = line.partition(":")
        label = label.strip().lower()
        if not colon:
            continue
        # Old 32-bit kernels print `Processor : ARMv7 ...` for the model before the first `processor : 0`.
        if label == "processor" and value.strip().isdecimal():
            blocks.append({})
        elif blocks:
            blocks[-1].setdefault(label, value.strip())
    return blocks


def _labelled(lscpu: str) -> dict[str, str]:
    """lscpu's lines by label in lower case and English; its colon is a wide one in Chinese."""
    told: dict[str, str] = {}
    for line in lscpu.splitlines():
        found = re.match(r"\s*([^:：]+)[:：]\s*(.*)", line)
        if found:
            label = found[1].strip().lower()
            told.setdefault(IN_CHINESE.get(label, label), found[2].strip())
    return told


def _first(labels: Iterable[str], told: dict[str, str]) -> str:
    return next((told[label] for label in labels if told.get(label, "").lower() not in NOT_KNOWN), "")


def _features(text: str) -> list[str]:
    """Flags are words; RISC-V writes its extensions as one word: rv64imafdc_zicsr."""
    base, *extensions = text.replace("_", " ").split() if text.startswith("rv") else [""]
    if not base:
        return text.split()
    letters = base.removeprefix("rv64").removeprefix("rv32")
    return [base[:4], *letters, *extensions]


CPU = Question(
    Script(
        "LC_ALL=C; export LC_ALL\n"
        "echo '== online'; getconf _NPROCESSORS_ONLN 2>/dev/null || nproc 2>/dev/null\n"
        # 64 KiB hold some forty x86 processors; the first block tells all but the count.
        "echo '== cpuinfo'; head -c 65536 /proc/cpuinfo 2>/dev/null; echo\n"
        "echo '== lscpu'; lscpu 2>/dev/null || :"
    ),
    parse_cpu,
)


@dataclass(frozen=True)
class PageSize:
    """Bytes of a page of memory."""

    bytes: int

    def __str__(self) -> str:
        return f"pages of {self.bytes // 1024} KiB"


def parse_page_size(text: str) -> PageSize:
    """Raises ValueError where getconf is absent."""
    size = whole_number(text)
    if not size:
        raise ValueError("getconf does not tell the page size")
    return PageSize(size)


PAGE_SIZE = Question(
    Script("getconf PAGESIZE 2>/dev/null || getconf PAGE_SIZE 2>/dev/null || :"), parse_page_size
)


@dataclass(frozen=True)
class Cache:
    """One cache of the first processor; sizes in bytes, None where the kernel does not tell."""

    level: int
    kind: str  # Data, Instruction or Unified
    size: int | None
    line: int | None


@dataclass(frozen=True)
class Caches:
    """The caches of the first processor; empty where the kernel exports none, as in many virtual machines."""

    caches: tuple[Cache, ...]
    line: int | None  # of the first data cache; from getconf where sysfs has none

    def __str__(self) -> str:
        line = f"cache lines of {self.line} bytes" if self.line else "a cache line of unknown size"
        return f"{line}, {len(self.caches)} caches a CPU"


def parse_caches(text: str) -> Caches:
    parts = sections(text)
    caches = []
    for line in parts.get("sysfs", "").splitlines():
        level, kind, size, coherency = (line.split("|") + [""] * 4)[:4]
        if (number := whole_number(level)) is not None:
            caches.append(Cache(number, kind.strip(), _bytes(size), whole_number(coherency)))
    data = next(
        (cache.line for cache in caches if cache.level == 1 and cache.kind in ("Data", "Unified")), None
    )
    return Caches(tuple(caches), data or whole_number(parts.get("getconf", "")) or None)


def _bytes(size: str) -> int | None:
    found = re.fullmatch(r"(\d+)([KMG]?)", size.strip())
    return int(found[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[found[2]] if found else None


CACHES = Question(
    Script(
        "echo '== getconf'; getconf LEVEL1_DCACHE_LINESIZE 2>/dev/null\n"
        "echo '== sysfs'\n"
        "for cache in /sys/devices/system/cpu/cpu0/cache/index*; do\n"
        '  [ -d "$cache" ] || continue\n'
        "  for fact in level type size coherency_line_size; do\n"
        '    { cat "$cache/$fact" 2>/dev/null || echo; } | tr "\\n" "|"\n'
        "  done; echo\n"
        "done; :"
    ),
    parse_caches,
)
