"""What runs: the unit's process, its binary's hash, its answers, and its last words."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from runbook.chapters.containers.observe import (
    LISTENERS,
    Listener,
    first_word,
    parse_listeners,
    properties,
)
from runbook.chapters.containers.wanted import Deployment
from runbook.chapters.sections import sections, whole_number
from runbook.remote.command import Script
from runbook.remote.question import Question
from runbook.verdict import Basis

WAIT = 12
"""Seconds that a service has to become healthy before it is taken as it is; a start takes 0.1 to 2."""
LIMIT = 45.0  # seconds: the wait, three answers of at most 5 s, and the hashes
MICROSECONDS = 1e6


@dataclass(frozen=True)
class Running:
    """A service as it runs on one host; hashes are empty where the process could not be looked at."""

    active: str
    result: str  # systemd's: success, exit-code, signal, start-limit-hit …
    pid: int
    restarts: int
    executable: str  # /proc/PID/exe: the binary, or the emulator that runs it
    executable_sha256: str
    words: tuple[str, ...]  # the first of /proc/PID/cmdline
    inside_sha256: str  # of the binary's path as the process sees it
    placed_sha256: str  # of the same path on the host
    client: str  # curl, wget, or empty: the host has neither
    healthy: bool
    ping: dict[str, str]
    listeners: tuple[Listener, ...]
    memory: int | None  # resident, in bytes
    start_seconds: float | None  # from the process's start to its own word that it listens
    log: str

    def __str__(self) -> str:
        return f"{self.active or 'unknown'}, {'healthy' if self.healthy else 'not healthy'}"

    def __hash__(self) -> int:
        return hash((self.pid, self.executable_sha256, self.active))

    def basis(self, path: str) -> Basis:
        """Emulated where the process is another program that was given the binary's path.

        A binary that was replaced while it runs shows as `PATH (deleted)`, and is native all the same.
        """
        own = self.executable.removesuffix(" (deleted)") == path
        return Basis.EMULATED if not own and path in self.words[1:] else Basis.NATIVE

    def sha256(self, path: str) -> str:
        """Of what runs: the executable itself, or under an emulator the file that it was given."""
        return self.inside_sha256 if self.basis(path) is Basis.EMULATED else self.executable_sha256


def parse_running(text: str) -> Running:
    parts = sections(text)
    state = properties(parts.get("state", ""))
    memory = re.search(r"VmRSS:\s+(\d+) kB", parts.get("memory", ""))
    return Running(
        state.get("ActiveState", ""),
        state.get("Result", ""),
        whole_number(state.get("MainPID", "")) or 0,
        whole_number(state.get("NRestarts", "")) or 0,
        parts.get("executable", "").strip(),
        first_word(parts.get("executable hash", "")),
        tuple(word for word in parts.get("words", "").split("\n") if word),
        first_word(parts.get("inside", "")),
        first_word(parts.get("placed", "")),
        parts.get("client", "").strip(),
        parts.get("healthz", "").strip() == "0",
        parse_ping(parts.get("ping", "")),
        parse_listeners(parts.get("listeners", "")),
        int(memory[1]) * 1024 if memory else None,
        _start(state.get("ExecMainStartTimestampMonotonic", ""), parts.get("listening", "")),
        parts.get("log", "").strip(),
    )


def parse_ping(text: str) -> dict[str, str]:
    """The service's answer to /ping; empty where it is none."""
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in told.items()} if isinstance(told, dict) else {}


def _start(started: str, listening: str) -> float | None:
    """Both are of the kernel's monotonic clock; the log's line begins with `[  123.456789]`."""
    when = re.match(r"\[\s*(\d+\.\d+)\]", listening.strip())
    began = whole_number(started)
    if not when or not began:
        return None
    seconds = float(when[1]) - began / MICROSECONDS
    return seconds if 0 <= seconds < 600 else None  # a line of an earlier start says nothing of this one


MAIN = r"""
main() { systemctl show -p MainPID "$unit" 2>/dev/null | sed 's/MainPID=//'; }
"""
"""The process that is the service: of a plain unit, its main process."""

RUNNING_SCRIPT = (
    LISTENERS
    + r"""
PATH=$PATH:/usr/sbin:/sbin; LC_ALL=C; export PATH LC_ALL
unit=$1 path=$2 port=$3 end=$(($(date +%s) + $4))
client=; for one in curl wget; do command -v $one >/dev/null 2>&1 && { client=$one; break; }; done
get() {
  case $client in
    curl) curl -fsS -m 5 --noproxy '*' "http://127.0.0.1:$port$1";;
    wget) no_proxy='*' wget -q -O - -T 5 "http://127.0.0.1:$port$1";;
    *) return 1;;
  esac 2>/dev/null
}
state() { systemctl show -p ActiveState "$unit" 2>/dev/null; }
# A service that was restarted twice is going round in circles; its words are in the log.
crashes() {
  restarts=$(systemctl show -p NRestarts "$unit" 2>/dev/null); restarts=${restarts#NRestarts=}
  [ "${restarts:-0}" -ge 2 ]
}
while [ "$(date +%s)" -lt "$end" ]; do
  get /healthz >/dev/null && break
  [ "$(state)" = ActiveState=failed ] && break
  crashes && break
  [ -z "$client" ] && [ "$(state)" = ActiveState=active ] && break
  sleep 0.2 2>/dev/null || sleep 1
done
echo '== client'; echo "$client"
echo '== healthz'; get /healthz >/dev/null; echo $?
echo '== ping'; get /ping; echo
echo '== state'
systemctl show -p ActiveState -p Result -p NRestarts -p ExecMainStartTimestampMonotonic "$unit" 2>/dev/null
pid=$(main); echo "MainPID=${pid:=0}"
echo '== placed'; sha256sum "$path" 2>/dev/null
if [ "${pid:-0}" -gt 0 ]; then
  echo '== executable'; readlink "/proc/$pid/exe"
  echo '== executable hash'; sha256sum "/proc/$pid/exe" 2>/dev/null
  echo '== words'; tr '\0' '\n' <"/proc/$pid/cmdline" | head -n 4
  echo '== inside'; sha256sum "/proc/$pid/root$path" 2>/dev/null
  echo '== memory'; grep VmRSS "/proc/$pid/status"
fi
echo '== listeners'; listeners "$(printf %04X "$port")" "${pid:-0}"
echo '== listening'
journalctl -u "$unit" -o short-monotonic -n 200 --no-pager 2>/dev/null | grep '"msg":"listening"' | tail -n 1
echo '== log'; journalctl -u "$unit" -o cat -n 10 --no-pager 2>/dev/null; :
"""
)


def running(wanted: Deployment, seconds: int = WAIT) -> Question[Running]:
    """Asked on the host itself, since its firewall may let nobody else in: by curl, else by wget."""
    args = (wanted.unit, wanted.path, str(wanted.port), str(seconds))
    return Question(Script(MAIN + RUNNING_SCRIPT, args, sudo=True, limit=LIMIT), parse_running, "running")
