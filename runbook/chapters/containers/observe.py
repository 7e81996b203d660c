"""What is on a host of a deployment: folders, binary, unit, its state, and who listens on its port."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from runbook.chapters.containers.wanted import Deployment
from runbook.chapters.sections import sections, whole_number
from runbook.remote.command import Script
from runbook.remote.question import Question

LISTENERS = """
listeners() {  # of port $1 (hexadecimal), the process $2 looked at first
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -i ":$1 [0-9A-F]*:0000 0A " |
  while read -r _ _ _ _ _ _ _ uid _ inode _; do
    pid=$2
    ls -l "/proc/$pid/fd" 2>/dev/null | grep -q "socket:\\[$inode\\]" ||
      pid=$(ls -l /proc/[0-9]*/fd 2>/dev/null | grep -e '^/proc/' -e "socket:\\[$inode\\]" | grep -B 1 'socket:' |
        sed -n 's,^/proc/\\([0-9]*\\)/fd:$,\\1,p' | head -n 1)
    echo "${pid:-0} $uid $(cat "/proc/$pid/comm" 2>/dev/null)"
  done
}
"""


@dataclass(frozen=True)
class Listener:
    """Who listens on a port: process (0 where it could not be found), user id and the process's name."""

    pid: int
    uid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name or 'a process'} (process {self.pid}, user {self.uid})"


@dataclass(frozen=True)
class Deployed:
    """A deployment as it is on one host; `unit` is the unit file's text, None where there is none."""

    systemd: int
    unit: str | None
    active: str
    enabled: bool
    pid: int
    sha256: str  # of the placed binary; empty where there is none
    folders: frozenset[str]
    user: bool
    can_add_users: bool
    listeners: tuple[Listener, ...]

    def __str__(self) -> str:
        there = "there" if self.unit is not None else "not there yet"
        return f"unit {there}, {self.active or 'unknown'}"


def parse_deployed(text: str) -> Deployed:
    """Raises ValueError where the host has no systemd."""
    parts = sections(text)
    version = re.match(r"systemd (\d+)", parts.get("systemd", ""))
    if not version:
        raise ValueError("the host has no systemd, which services are run by")
    state = properties(parts.get("state", ""))
    return Deployed(
        int(version[1]),
        _unit(parts.get("unit", "")),
        state.get("ActiveState", ""),
        state.get("UnitFileState") == "enabled",
        whole_number(state.get("MainPID", "")) or 0,
        first_word(parts.get("binary", "")),
        frozenset(parts.get("folders", "").split("\n")) - {""},
        whole_number(parts.get("user", "")) is not None,
        bool(parts.get("useradd", "").strip()),
        parse_listeners(parts.get("listeners", "")),
    )


def parse_listeners(text: str) -> tuple[Listener, ...]:
    """The lines of the shell function `listeners`, each process once."""
    found: dict[int, Listener] = {}
    for line in text.splitlines():
        pid, _, rest = line.strip().partition(" ")
        uid, _, name = rest.partition(" ")
        if pid.isdecimal() and uid.isdecimal():
            found.setdefault(int(pid), Listener(int(pid), int(uid), name))
    return tuple(found.values())


def properties(text: str) -> dict[str, str]:
    """`systemctl show`: a name and a value a line."""
    return {
        name: value for name, equals, value in (line.partition("=") for line in text.splitlines()) if equals
    }


def first_word(text: str) -> str:
    """The hash of a line of sha256sum."""
    words = text.split()
    return words[0] if words else ""


def _unit(text: str) -> str | None:
    if not text.strip():
        return None
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "surrogateescape")
    except binascii.Error as error:
        raise ValueError(f"the unit file did not arrive whole: {error}") from error


def deployed(wanted: Deployment) -> Question[Deployed]:
    """The question for one deployment; equal for equal deployments."""
    script = Script(
        LISTENERS + "PATH=$PATH:/usr/sbin:/sbin; LC_ALL=C; export PATH LC_ALL\n"
        "unit=$1 file=$2 binary=$3 port=$4 user=$5; shift 5\n"
        "echo '== systemd'; systemctl --version 2>/dev/null | head -n 1\n"
        'echo \'== unit\'; [ -f "$file" ] && { cat "$file" 2>/dev/null; } | base64\n'
        "echo '== state'; systemctl show -p ActiveState -p UnitFileState -p MainPID \"$unit\" 2>/dev/null\n"
        "echo '== binary'; [ -z \"$binary\" ] || sha256sum \"$binary\" 2>/dev/null\n"
        'echo \'== folders\'; for folder; do [ -d "$folder" ] && echo "$folder"; done\n'
        "echo '== user'; id -u \"$user\" 2>/dev/null\n"
        "echo '== useradd'; command -v useradd 2>/dev/null\n"
        'pid=$(systemctl show -p MainPID "$unit" 2>/dev/null)\n'
        'echo \'== listeners\'; listeners "$(printf %04X "$port")" "${pid#MainPID=}"; :',
        (wanted.unit, wanted.unit_path, wanted.hashed, str(wanted.port), wanted.user, *wanted.folders),
        sudo=True,
    )
    return Question(script, parse_deployed, "deployed")
