"""What the kernel of a host allows: cgroups, the options that containers need, security modules, limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook.chapters.sections import sections, whole_number
from runbook.remote.command import Script
from runbook.remote.question import Question


@dataclass(frozen=True)
class Cgroups:
    """Which cgroup hierarchies a host mounts (`man 7 cgroups`)."""

    unified: bool  # v2 at /sys/fs/cgroup
    controllers: frozenset[str]  # of the v2 root; under v1 those that are enabled

    def __str__(self) -> str:
        return f"cgroup {'v2' if self.unified else 'v1'}, {len(self.controllers)} controllers"


def parse_cgroups(text: str) -> Cgroups:
    parts = sections(text)
    if parts.get("mounted", "").strip() == "cgroup2fs":
        return Cgroups(True, frozenset(parts.get("v2", "").split()))
    rows = [line.split() for line in parts.get("v1", "").splitlines() if not line.startswith("#")]
    return Cgroups(False, frozenset(row[0] for row in rows if len(row) == 4 and row[3] == "1"))


CGROUPS = Question(
    Script(
        "echo '== mounted'; stat -fc %T /sys/fs/cgroup 2>/dev/null\n"
        "echo '== v2'; cat /sys/fs/cgroup/cgroup.controllers 2>/dev/null\n"
        "echo '== v1'; cat /proc/cgroups 2>/dev/null; :"
    ),
    parse_cgroups,
)

CONTAINER_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "namespaces": ("NAMESPACES", "UTS_NS", "IPC_NS", "PID_NS", "NET_NS", "USER_NS"),
    "cgroups": (
        "CGROUPS",
        "MEMCG",
        "CGROUP_PIDS",
        "CGROUP_DEVICE",
        "CGROUP_FREEZER",
        "CPUSETS",
        "CFS_BANDWIDTH",
    ),
    "overlay": ("OVERLAY_FS",),
    "seccomp": ("SECCOMP", "SECCOMP_FILTER"),
    "network": ("VETH", "BRIDGE", "BRIDGE_NETFILTER", "NETFILTER", "NF_TABLES", "NF_NAT", "IP_NF_IPTABLES"),
    "bpf": ("BPF", "BPF_SYSCALL", "CGROUP_BPF"),
    "perf": ("PERF_EVENTS", "HW_PERF_EVENTS"),
}
"""Kernel options by what needs them, as in the kernel's Kconfig files."""
REQUIRED = ("namespaces", "cgroups", "overlay", "seccomp")


@dataclass(frozen=True)
class KernelConfig:
    """The options that matter here: `y`, `m`, or absent."""

    options: Mapping[str, str] = field(hash=False)

    def missing(self, what: str) -> tuple[str, ...]:
        """Which options of `namespaces`, `cgroups`, ... are neither built in nor a module."""
        return tuple(name for name in CONTAINER_OPTIONS[what] if name not in self.options)

    def __str__(self) -> str:
        lacks = [f"{what} without {', '.join(self.missing(what))}" for what in REQUIRED if self.missing(what)]
        return "; ".join(lacks) or "has what containers need"


def parse_kernel_config(text: str) -> KernelConfig:
    """Raises ValueError where the configuration is not published."""
    found = dict(re.findall(r"^CONFIG_(\w+)=([ym])$", text, re.MULTILINE))
    if not found:
        raise ValueError("neither /proc/config.gz nor /boot/config-* of the running kernel can be read")
    return KernelConfig(found)


KERNEL_CONFIG = Question(
    Script(
        "pattern=; for option in "
        + " ".join(name for names in CONTAINER_OPTIONS.values() for name in names)
        + "; do pattern=${pattern:+$pattern|}$option; done\n"
        '{ gzip -dc /proc/config.gz 2>/dev/null || cat "/boot/config-$(uname -r)" 2>/dev/null ||\n'
        '  cat "/lib/modules/$(uname -r)/config" 2>/dev/null; } | grep -E "^CONFIG_($pattern)=[ym]$"; :'
    ),
    parse_kernel_config,
)


@dataclass(frozen=True)
class Security:
    """Security modules in force; `kysec` is Kylin's own."""

    modules: tuple[str, ...]
    selinux: str  # Enforcing, Permissive, Disabled; empty: not told
    apparmor: bool
    kysec: str  # its state; empty: there is none

    @property
    def enforcing(self) -> bool:
        """Whether something besides file modes may refuse what root does."""
        return self.selinux == "Enforcing" or (self.kysec not in ("", "disabled", "off"))

    def __str__(self) -> str:
        extra = [f"SELinux {self.selinux.lower()}"] * bool(self.selinux) + [f"kysec {self.kysec}"] * bool(
            self.kysec
        )
        return ", ".join([*extra, "AppArmor on"] if self.apparmor else extra) or "no security module in force"


def parse_security(text: str) -> Security:
    parts = sections(text)
    enforce = parts.get("selinux", "").strip()
    return Security(
        tuple(module for module in parts.get("lsm", "").strip().split(",") if module),
        {"1": "Enforcing", "0": "Permissive"}.get(enforce, enforce),
        parts.get("apparmor", "").strip() == "Y",
        _kysec(parts.get("kysec", "")),
    )


def _kysec(told: str) -> str:
    """From `getstatus`, whose first line is `KySec status: enabled`."""
    found = re.search(r"status\s*:\s*(\w+)", told, re.IGNORECASE)
    return found[1].lower() if found else ""


SECURITY = Question(
    Script(
        "PATH=$PATH:/usr/sbin:/sbin\n"
        "echo '== lsm'; cat /sys/kernel/security/lsm 2>/dev/null; echo\n"
        "echo '== selinux'; cat /sys/fs/selinux/enforce 2>/dev/null || getenforce 2>/dev/null; echo\n"
        "echo '== apparmor'; cat /sys/module/apparmor/parameters/enabled 2>/dev/null\n"
        "echo '== kysec'; [ -d /sys/kernel/security/kysec ] && getstatus 2>/dev/null; :"
    ),
    parse_security,
)


@dataclass(frozen=True)
class Limits:
    """What many connections and many containers run into; None where the kernel has no such setting."""

    open_files: int | None  # of the operator's shell; None also for `unlimited`
    pid_max: int | None
    inotify_instances: int | None
    somaxconn: int | None
    huge_pages: str  # transparent: always, madvise or never

    def __str__(self) -> str:
        files = "unlimited" if self.open_files is None else str(self.open_files)
        return f"{files} open files, transparent huge pages {self.huge_pages or 'unknown'}"


def parse_limits(text: str) -> Limits:
    parts = sections(text)
    chosen = re.search(r"\[(\w+)\]", parts.get("huge pages", ""))
    numbers = (
        whole_number(parts.get(name, "")) for name in ("open files", "pid_max", "inotify", "somaxconn")
    )
    return Limits(*numbers, chosen[1] if chosen else "")


LIMITS = Question(
    Script(
        "echo '== open files'; ulimit -n\n"
        "echo '== pid_max'; cat /proc/sys/kernel/pid_max 2>/dev/null\n"
        "echo '== inotify'; cat /proc/sys/fs/inotify/max_user_instances 2>/dev/null\n"
        "echo '== somaxconn'; cat /proc/sys/net/core/somaxconn 2>/dev/null\n"
        "echo '== huge pages'; cat /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null; :"
    ),
    parse_limits,
)
