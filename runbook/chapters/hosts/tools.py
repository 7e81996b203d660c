"""Which tools a host has: what the runbook itself needs there, and container tools with their versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook.chapters.sections import sections
from runbook.remote.command import Script
from runbook.remote.question import Question

NEEDED = (
    "cat",
    "chmod",
    "chown",
    "cp",
    "date",
    "head",
    "mkdir",
    "mv",
    "rm",
    "rmdir",
    "sha256sum",
    "stat",
    "uname",
)
"""Coreutils without which nothing can be done on a host."""
WELCOME = ("timeout", "setsid", "nohup", "curl", "wget", "ss", "journalctl", "gzip", "grep")
"""Tools that make something better; each has another way, or its absence is said where it matters."""


@dataclass(frozen=True)
class Tools:
    """What is on the PATH of a command over SSH, the system folders included."""

    there: frozenset[str]
    stat_formats: bool  # `stat -c`, which GNU and busybox have
    nanoseconds: bool  # `date +%N`, which GNU has

    @property
    def missing(self) -> tuple[str, ...]:
        """Needed tools that are absent."""
        lacks = tuple(name for name in NEEDED if name not in self.there)
        return lacks if self.stat_formats or "stat" in lacks else (*lacks, "stat -c")

    def __str__(self) -> str:
        return f"lacks {', '.join(self.missing)}" if self.missing else "has every tool that the runbook needs"


def parse_tools(text: str) -> Tools:
    parts = sections(text)
    return Tools(
        frozenset(parts.get("there", "").split()),
        parts.get("stat", "").strip().isdecimal(),
        parts.get("date", "").strip().isdecimal(),
    )


TOOLS = Question(
    Script(
        "PATH=$PATH:/usr/local/bin:/usr/sbin:/sbin\n"
        "echo '== there'\n"
        'for tool; do command -v "$tool" >/dev/null 2>&1 && echo "$tool"; done\n'
        "echo '== stat'; stat -c %s / 2>/dev/null\n"
        "echo '== date'; date +%N 2>/dev/null; :",
        NEEDED + WELCOME,
    ),
    parse_tools,
)

CONTAINER_TOOLS = (
    "containerd",
    "runc",
    "ctr",
    "nerdctl",
    "podman",
    "docker",
    "isula",
    "isulad",
    "buildah",
    "crictl",
)


@dataclass(frozen=True)
class ContainerTools:
    """Container tools that are there, with the version each tells; empty where it tells none."""

    versions: Mapping[str, str] = field(hash=False)

    def __str__(self) -> str:
        return (
            ", ".join(f"{name} {version}".strip() for name, version in self.versions.items())
            or "no container tools"
        )


def parse_container_tools(text: str) -> ContainerTools:
    versions = {}
    for name, told in sections(text).items():
        if name:
            found = re.search(r"\bv?(\d+\.\d+(?:\.\d+)?[\w.+~-]*)", told)
            versions[name] = found[1] if found else ""
    return ContainerTools(versions)


CONTAINERS = Question(
    Script(
        "PATH=$PATH:/usr/local/bin:/usr/sbin:/sbin:/usr/local/sbin\n"
        "limit=; command -v timeout >/dev/null 2>&1 && limit='timeout 5'\n"
        'for tool; do command -v "$tool" >/dev/null 2>&1 || continue\n'
        '  echo "== $tool"; $limit "$tool" --version 2>&1 </dev/null | head -n 3\n'
        "done; :",
        CONTAINER_TOOLS,
    ),
    parse_container_tools,
)


@dataclass(frozen=True)
class Sudo:
    """Whether the one who logs in may become root without a password, and what sudo said if not."""

    user: str
    allowed: bool
    said: str

    def __str__(self) -> str:
        if self.user == "root":
            return "logs in as root"
        return f"{self.user} may use sudo" if self.allowed else f"{self.user} may not use sudo: {self.said}"


def parse_sudo(text: str) -> Sudo:
    parts = sections(text)
    user = parts.get("user", "").strip()
    if user == "root":
        return Sudo(user, True, "")
    said = parts.get("sudo", "").strip().splitlines()
    return Sudo(user, bool(said) and said[-1] == "0", said[-1] if said else "sudo is absent")


SUDO = Question(
    Script(
        "echo '== user'; id -un\n"
        "echo '== sudo'; command -v sudo >/dev/null 2>&1 && sudo -n id -u 2>&1 </dev/null; :"
    ),
    parse_sudo,
)
