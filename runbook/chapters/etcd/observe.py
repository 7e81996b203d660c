"""What a host has of etcd already: account, files, unit, and the tools that the chapter needs there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook.chapters.etcd.layout import CONFIG, CTL, DATA, PKI, PROGRAM, SETTINGS, UNIT, UNIT_FILE, USER, UTL
from runbook.chapters.sections import sections
from runbook.remote.command import Script
from runbook.remote.question import Question

NEEDED = ("openssl", "systemctl", "journalctl", "useradd", "userdel", "base64")
SHOWN = (CONFIG, UNIT_FILE)
"""Files whose text is kept, so that a plan can show what of it changes."""

PLACED = (SETTINGS, PKI, DATA, PROGRAM, CTL, UTL, *SHOWN)


@dataclass(frozen=True)
class Ground:
    """What the chapter stands on: the tools that are missing, openssl's version, the account."""

    missing: tuple[str, ...]
    openssl: str  # its version line
    account: str  # the line of the user database; empty: no such user

    def __str__(self) -> str:
        lacks = f"lacks {', '.join(self.missing)}" if self.missing else "has what etcd's chapter needs"
        return f"{lacks}; {'an account' if self.account else 'no account'} {USER}"


def parse_ground(text: str) -> Ground:
    parts = sections(text)
    there = set(parts.get("tools", "").split())
    return Ground(
        tuple(tool for tool in NEEDED if tool not in there),
        parts.get("openssl", "").strip(),
        parts.get("account", "").strip(),
    )


GROUND = Question(
    Script(
        "PATH=$PATH:/usr/sbin:/sbin; user=$1; shift\n"
        "echo '== account'; getent passwd \"$user\"\n"
        "echo '== openssl'; openssl version 2>/dev/null\n"
        'echo \'== tools\'; for tool; do command -v "$tool" >/dev/null 2>&1 && echo "$tool"; done; :',
        (USER, *NEEDED),
    ),
    parse_ground,
    "etcd_ground",
)


@dataclass(frozen=True)
class Placed:
    """One thing at a path: what it is, its rights such as `640 root:etcd`, its SHA-256, its text if shown."""

    kind: str
    rights: str
    sha256: str = ""
    text: str = ""


@dataclass(frozen=True)
class Files:
    """What is at the paths of the chapter; a path with nothing is left out."""

    placed: Mapping[str, Placed] = field(default_factory=dict, hash=False)

    def get(self, path: str) -> Placed | None:
        return self.placed.get(path)

    def is_folder(self, path: str, mode: int, owner: str) -> bool:
        there = self.get(path)
        return there is not None and (there.kind, there.rights) == ("directory", f"{mode:o} {owner}")

    def is_file(self, path: str, sha256: str, mode: int, owner: str) -> bool:
        there = self.get(path)
        return there is not None and (there.sha256, there.rights) == (sha256, f"{mode:o} {owner}")

    def __str__(self) -> str:
        return f"{len(self.placed)} of {len(PLACED)} files and folders"


def parse_files(text: str) -> Files:
    parts = sections(text)
    placed: dict[str, Placed] = {}
    for line in parts.get("stat", "").splitlines():
        kind, rights, path = line.split("|", 2)
        placed[path] = Placed(kind, rights, text=_text(parts, path))
    for line in parts.get("sha256", "").splitlines():
        sha256, _, path = line.partition("  ")
        if path in placed:
            was = placed[path]
            placed[path] = Placed("file", was.rights, sha256, was.text)
    return Files(placed)


def _text(parts: Mapping[str, str], path: str) -> str:
    shown = parts.get(f"text {path}")
    return "".join(f"{line[1:]}\n" for line in shown.splitlines()) if shown is not None else ""


FILES = Question(
    Script(
        'echo "== stat"; for path; do [ ! -e "$path" ] || stat -c "%F|%a %U:%G|%n" "$path"; done\n'
        'echo "== sha256"; for path; do [ ! -f "$path" ] || sha256sum "$path"; done\n'
        f"for path in {' '.join(SHOWN)}; do\n"
        '  [ ! -f "$path" ] || { echo "== text $path"; sed "s/^/ /" "$path"; }\n'
        "done",
        PLACED,
        sudo=True,
    ),
    parse_files,
    "etcd_files",
)


@dataclass(frozen=True)
class Unit:
    """The member's unit as the service manager has it; `ready_seconds` is from its start to its readiness."""

    loaded: bool
    active: str
    sub: str
    enabled: bool
    pid: int
    restarts: int
    ready_seconds: float | None
    rss_bytes: int | None

    @property
    def runs(self) -> bool:
        return (self.active, self.sub) == ("active", "running")

    def __str__(self) -> str:
        return f"{UNIT} is {self.active}" if self.loaded else f"no {UNIT}"


def parse_unit(text: str) -> Unit:
    parts = sections(text)
    said = dict(line.partition("=")[::2] for line in parts.get("unit", "").splitlines())
    started, ready = (
        int(said.get(key) or 0) for key in ("ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic")
    )
    memory = parts.get("memory", "").split()
    return Unit(
        loaded=said.get("LoadState") == "loaded",
        active=said.get("ActiveState", ""),
        sub=said.get("SubState", ""),
        enabled=said.get("UnitFileState") == "enabled",
        pid=int(said.get("MainPID") or 0),
        restarts=int(said.get("NRestarts") or 0),
        ready_seconds=(ready - started) / 1e6 if 0 < started <= ready else None,
        rss_bytes=int(memory[1]) * 1024 if len(memory) > 1 else None,
    )


UNIT_STATE = Question(
    Script(
        'echo "== unit"; systemctl show "$1" -p LoadState -p ActiveState -p SubState -p UnitFileState'
        " -p MainPID -p NRestarts -p ExecMainStartTimestampMonotonic -p ActiveEnterTimestampMonotonic\n"
        'pid=$(systemctl show "$1" -p MainPID); pid=${pid#MainPID=}\n'
        'echo "== memory"; [ "${pid:-0}" = 0 ] || grep VmRSS "/proc/$pid/status" 2>/dev/null; :',
        (UNIT,),
    ),
    parse_unit,
    "etcd_unit",
)
