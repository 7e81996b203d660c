"""What a host that compiles is: its machine, who works there, its room, and the tools that it has."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from runbook.chapter import Chapter
from runbook.chapters.buildhost.decide import FOLDER, host_for
from runbook.errors import Blocked
from runbook.remote.command import Script
from runbook.remote.question import Question
from runbook.remote.shell import Shell

TOOLS = ("tar", "xargs", "sha256sum", "find", "sort", "cp")
"""What bringing, building and fetching want there."""
COMPILERS = ("gcc", "cc", "clang")
LINE = re.compile(r"^(machine|user|group|processors|free|folder) (.*)$", re.MULTILINE)
ASK = r"""
printf 'machine %s\nuser %s\ngroup %s\n' "$(uname -m)" "$(id -un)" "$(id -gn)"
printf 'processors %s\n' "$(nproc 2>/dev/null || echo 1)"
place=$1
[ ! -d "$1" ] || printf 'folder %s\n' "$(stat -c '%a %U:%G' -- "$1")"
while [ ! -d "$place" ]; do place=${place%/*} place=${place:-/}; done
df -Pk -- "$place" | { read -r _; read -r _ _ _ free _; printf 'free %s\n' "$free"; }
shift
for one; do command -v "$one" >/dev/null 2>&1 && printf 'has %s\n' "$one"; done
:
"""


@dataclass(frozen=True)
class BuildHost:
    """A host as a place to compile; `folder` is the mode and owner of ours, empty where it is not there."""

    machine: str  # as uname -m says
    user: str
    group: str
    processors: int
    free: int  # bytes, where the folder is or will be
    folder: str
    has: frozenset[str]  # of the tools and C compilers that were asked for
    name: str = ""

    @property
    def owner(self) -> str:
        return f"{self.user}:{self.group}"

    @property
    def compiler(self) -> str:
        """The first C compiler by its name; empty: there is none."""
        return next((one for one in COMPILERS if one in self.has), "")

    def __str__(self) -> str:
        return f"{self.name}: {self.machine}, {self.processors} processors, {self.free >> 30} GiB free"


def parse_build_host(text: str) -> BuildHost:
    """Raises KeyError or ValueError where a line is missing."""
    told = dict(LINE.findall(text))
    return BuildHost(told["machine"], told["user"], told["group"], int(told["processors"]), int(told["free"]) << 10,
                     told.get("folder", ""), frozenset(re.findall(r"^has (\S+)$", text, re.MULTILINE)))


BUILD_HOST = Question(Script(ASK, (FOLDER, *TOOLS, "bash", *COMPILERS)), parse_build_host)


def look_at(shell: Shell) -> BuildHost:
    """Asks one host. Raises Blocked where it lacks a tool, and the errors of a host."""
    seen = shell.ask(BUILD_HOST)[BUILD_HOST]
    if not isinstance(seen, BuildHost):
        raise Blocked(f"{shell.name} cannot tell what it has to compile with: {seen}",
                      next="name another host in [build] on, or leave it out to compile on this machine")
    lacking = [one for one in TOOLS if one not in seen.has]
    if lacking:
        raise Blocked(f"{shell.name} has no {', '.join(lacking)}: nothing can be compiled there",
                      next=f"install what is missing on {shell.name}, or leave [build] on empty to compile here")
    return replace(seen, name=shell.name)


def build_host(chapter: Chapter) -> BuildHost | None:
    """The host that the parameter `on`, or the site, has this chapter compile on; None: this machine.

    Raises SiteError and ParameterError for a name, Blocked where the host cannot, and the errors of a host.
    """
    host = host_for(chapter.site, str(chapter.options.get("on", "")))
    if host is None:
        return None
    if host.name not in chapter.fleet.names:
        raise Blocked(f"{host.name} is to compile, and is not among the hosts of this chapter",
                      next=f"take {host.name} into only_hosts, or on = \"local\" to compile on this machine")
    seen = look_at(chapter.fleet[host.name])
    chapter.note("fact", str(seen))
    return seen
