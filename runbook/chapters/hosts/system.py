"""Which system a host runs: distribution, kernel, service manager, packages, C library."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from runbook.chapters.sections import sections
from runbook.remote.command import Script
from runbook.remote.question import Question


@dataclass(frozen=True)
class OsRelease:
    """The distribution as it calls itself (`man 5 os-release`)."""

    id: str
    version_id: str
    pretty_name: str
    like: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.pretty_name or f"{self.id} {self.version_id}"


def parse_os_release(text: str) -> OsRelease:
    """Raises ValueError where neither ID nor NAME is there."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            values[name] = _unquoted(value)
    identity = values.get("ID") or values.get("NAME", "").lower()
    if not identity:
        raise ValueError("the host has no /etc/os-release with an ID")
    return OsRelease(
        identity,
        values.get("VERSION_ID", ""),
        values.get("PRETTY_NAME", ""),
        tuple(values.get("ID_LIKE", "").split()),
    )


def _unquoted(value: str) -> str:
    """A value as the shell would read it; one with an unbalanced quote is taken as it stands."""
    try:
        return "".join(shlex.split(value)) if value[:1] in "\"'" else value
    except ValueError:
        return value.strip("\"'")


OS_RELEASE = Question(
    Script("cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release 2>/dev/null || :"), parse_os_release
)


@dataclass(frozen=True)
class Uname:
    """The kernel's names: machine (`uname -m`), release and host name."""

    machine: str
    release: str
    nodename: str

    @property
    def version(self) -> tuple[int, int]:
        """The kernel's major and minor number; (0, 0) where the release does not start with them."""
        found = re.match(r"(\d+)\.(\d+)", self.release)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def __str__(self) -> str:
        return f"{self.machine}, kernel {self.release}"


def parse_uname(text: str) -> Uname:
    """Raises ValueError where a name is missing."""
    machine, release, nodename = text.splitlines()[:3]
    return Uname(machine.strip(), release.strip(), nodename.strip())


UNAME = Question(Script("uname -m; uname -r; uname -n"), parse_uname)


@dataclass(frozen=True)
class Init:
    """What runs as process 1, with systemd's version and state where it is systemd."""

    name: str
    version: int | None
    state: str

    @property
    def is_systemd(self) -> bool:
        return self.name == "systemd" and self.version is not None

    def __str__(self) -> str:
        return (
            f"systemd {self.version}, {self.state}"
            if self.is_systemd
            else f"{self.name or 'unknown'} as process 1"
        )


def parse_init(text: str) -> Init:
    parts = sections(text)
    version = re.match(r"systemd (\d+)", parts.get("systemd", ""))
    name = parts.get("process 1", "").strip()
    # A hardened /proc (hidepid) hides process 1; a systemd that answers is then known by its answer.
    state = parts.get("state", "").strip()
    if not name and version and state not in ("", "offline", "unknown"):
        name = "systemd"
    return Init(name, int(version[1]) if version else None, state or "unknown")


INIT = Question(
    Script(
        "echo '== process 1'; cat /proc/1/comm 2>/dev/null\n"
        "echo '== systemd'; systemctl --version 2>/dev/null | head -n 1\n"
        "echo '== state'; systemctl is-system-running 2>/dev/null || :"
    ),
    parse_init,
)

PACKAGE_TOOLS = ("apt-get", "dnf", "yum", "zypper", "apk", "rpm", "dpkg")


@dataclass(frozen=True)
class Packages:
    """Which package managers are there; none on a system made by hand."""

    tools: tuple[str, ...]

    def __str__(self) -> str:
        return f"packages by {self.tools[0]}" if self.tools else "no package manager"


def parse_packages(text: str) -> Packages:
    there = set(text.split())
    return Packages(tuple(tool for tool in PACKAGE_TOOLS if tool in there))


PACKAGES = Question(
    Script('for tool; do command -v "$tool" >/dev/null 2>&1 && echo "$tool"; done; :', PACKAGE_TOOLS),
    parse_packages,
)


@dataclass(frozen=True)
class Libc:
    """The C library of the host's own programs; static Go programs need none."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()


def parse_libc(text: str) -> Libc:
    """From `getconf GNU_LIBC_VERSION`, else from the first lines of `ldd --version`."""
    parts = sections(text)
    gnu = re.match(r"glibc (\S+)", parts.get("getconf", "").strip())
    if gnu:
        return Libc("glibc", gnu[1])
    told = parts.get("ldd", "")
    musl = re.search(r"musl libc[^\n]*\nVersion (\S+)", told)
    if musl:
        return Libc("musl", musl[1])
    last = re.search(r"\b(\d+\.\d+(?:\.\d+)?)\s*$", told.partition("\n")[0])
    if last:
        return Libc("glibc", last[1])
    raise ValueError("neither getconf nor ldd tells of a C library")


LIBC = Question(
    Script(
        "echo '== getconf'; getconf GNU_LIBC_VERSION 2>/dev/null\n"
        "echo '== ldd'; ldd --version 2>&1 | head -n 3; :"
    ),
    parse_libc,
)
