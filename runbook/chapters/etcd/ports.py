"""Who listens on a port: process and unit, from /proc alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook.chapters.etcd.layout import CLIENT_PORT, PEER_PORT
from runbook.chapters.sections import sections
from runbook.remote.command import Script
from runbook.remote.question import Question

LISTENING = "0A"  # TCP_LISTEN of include/net/tcp_states.h, as /proc/net/tcp shows it


@dataclass(frozen=True)
class Listener:
    """A process that holds a port; `unit` is empty where no service manager's unit holds the process."""

    pid: int
    name: str
    unit: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid}{', ' + self.unit if self.unit else ''})"


@dataclass(frozen=True)
class Ports:
    """Who listens on the ports that were asked for; a process that hides itself has pid 0."""

    listeners: Mapping[int, Listener] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        held = ", ".join(f"{port} by {who.name}" for port, who in sorted(self.listeners.items()))
        return f"ports held: {held}" if held else "ports free"


def parse_ports(text: str) -> Ports:
    parts = sections(text)
    wanted = {int(word) for word in parts.get("ports", "").split()}
    sockets: dict[str, int] = {}
    for line in parts.get("sockets", "").splitlines():
        words = line.split()
        if len(words) > 9 and words[3] == LISTENING:
            port = int(words[1].rpartition(":")[2], 16)
            if port in wanted:
                sockets[words[9]] = port
    named: dict[int, tuple[str, str]] = {}
    for line in parts.get("processes", "").splitlines():
        pid, _, rest = line.partition(" ")
        unit, _, name = rest.partition(" ")
        named[int(pid)] = (name, unit if "." in unit else "")
    found: dict[int, Listener] = {
        port: Listener(0, "a process that /proc does not show", "") for port in sockets.values()
    }
    pid = 0
    for line in parts.get("descriptors", "").splitlines():
        if line.startswith("/proc/"):
            pid = int(line.split("/")[2])
            continue
        inode = line.rpartition("socket:[")[2].rstrip("]")
        if inode in sockets:
            found[sockets[inode]] = Listener(pid, *named.get(pid, ("?", "")))
    return Ports(found)


PORTS = Question(
    Script(
        'echo "== ports"; echo "$@"\n'
        "echo '== sockets'; cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep ' 0A '\n"
        "echo '== descriptors'; ls -l /proc/[0-9]*/fd 2>/dev/null | grep -e '^/proc/' -e 'socket:'\n"
        "echo '== processes'\n"
        "for process in /proc/[0-9]*; do\n"
        '  name=; { read -r name <"$process/comm"; } 2>/dev/null || continue\n'
        "  unit=-\n"
        "  while IFS= read -r line; do case $line in *.service|*.scope|*.socket) unit=${line##*/}; esac\n"
        '  done 2>/dev/null <"$process/cgroup"\n'
        '  echo "${process#/proc/} $unit $name"\n'
        "done; :",
        (str(CLIENT_PORT), str(PEER_PORT)),
        sudo=True,
    ),
    parse_ports,
    "etcd_ports",
)
