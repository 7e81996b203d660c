"""What runs in a container: its process, image, user, root file system and limits, as the kernel has them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runbook.chapters.containers.container import Container
from runbook.chapters.containers.held import TASK
from runbook.chapters.containers.running import LIMIT, RUNNING_SCRIPT, WAIT, Running, parse_running
from runbook.chapters.sections import sections, whole_number
from runbook.remote.command import Script
from runbook.remote.question import Question

SHARES, WEIGHT = 1024, 100
"""The defaults of cgroup v1's cpu.shares and v2's cpu.weight, by which systemd converts one to the other."""


@dataclass(frozen=True)
class Contained:
    """A service as it runs in its container; `service` is its process, seen like that of a plain unit."""

    service: Running
    image: str  # that its container was made of
    digest: str  # of that image's manifest
    users: tuple[int, ...]  # real, effective, saved and of files
    capabilities: int  # effective
    no_new_privileges: bool
    read_only: bool
    memory: int | None  # bytes, the least of its cgroup and those above; None: no limit
    tasks: int | None
    cpu_weight: int | None

    def __str__(self) -> str:
        return str(self.service)

    def __hash__(self) -> int:
        return hash((self.service, self.digest))

    def loose(self, wanted: dict[str, int]) -> tuple[str, ...]:
        """What confines it less than wanted: the limits by name, root, capabilities, a writable root."""
        found = [f"{name} is {getattr(self, name)} instead of {value}" for name, value in wanted.items()
                 if getattr(self, name) != value]
        if 0 in self.users or not self.users:
            found.append("it is root's" if self.users else "its user is not known")
        if self.capabilities:
            found.append(f"it has capabilities {self.capabilities:#x}")
        if not self.no_new_privileges:
            found.append("it may get new privileges")
        if not self.read_only:
            found.append("its root file system can be written")
        return tuple(found)


def parse_contained(text: str) -> Contained:
    parts = sections(text)
    status = dict(line.split(":", 1) for line in parts.get("status", "").splitlines() if ":" in line)
    limits = dict(line.partition(" ")[::2] for line in parts.get("limits", "").splitlines())
    shares = whole_number(limits.get("cpu.shares", ""))
    digest = re.search(r"sha256:[0-9a-f]{64}", parts.get("digest", ""))
    return Contained(
        parse_running(text),
        parts.get("image", "").strip(),
        digest[0] if digest else "",
        tuple(int(word) for word in status.get("Uid", "").split()),
        int(status.get("CapEff", "0").strip() or "0", 16),
        status.get("NoNewPrivs", "").strip() == "1",
        "ro" in parts.get("root", "").strip().split(","),
        whole_number(limits.get("memory", "")),
        whole_number(limits.get("pids", "")),
        round(shares * WEIGHT / SHARES) if shares else whole_number(limits.get("cpu.weight", "")),
    )


FIND = TASK + r"""
namespace=$5 service=$6 socket=$(socket "$(configuration)")
main() { task "$socket" "$namespace" "$service"; }
"""

CONFINED_SCRIPT = r"""
[ "${pid:-0}" -gt 0 ] || exit 0
echo '== image'
image=$(ctr -a "$socket" -n "$namespace" containers ls 2>/dev/null </dev/null |
  while read -r id of rest; do [ "$id" = "$service" ] && echo "$of"; done)
echo "$image"
echo '== digest'; ctr -a "$socket" -n "$namespace" images ls "name==$image" 2>/dev/null </dev/null | tail -n +2
echo '== status'; grep -E '^(Uid|CapEff|NoNewPrivs):' "/proc/$pid/status"
echo '== root'; while read -r _ _ _ _ at options _; do [ "$at" = / ] && echo "$options"; done <"/proc/$pid/mountinfo"
where() {  # the folder of controller $1
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")"
  else
    echo "/sys/fs/cgroup/$1$(sed -n "s/^[0-9]*:\([^:]*,\)*$1\(,[^:]*\)*://p" "/proc/$pid/cgroup")"
  fi
}
least() {  # of the numbers in files $2 of the folder $1 and those above
  folder=$1 least=
  while [ "${folder%/*}" != "$folder" ] && [ "$folder" != /sys/fs/cgroup ]; do
    now=$(cat "$folder/$2" 2>/dev/null)
    case $now in '' | *[!0-9]*) ;; *) [ "$now" -lt "${least:-9223372036854771712}" ] && least=$now;; esac
    folder=${folder%/*}
  done
  echo "$least"
}
echo '== limits'
memory=$(where memory) pids=$(where pids) cpu=$(where cpu)
limit=$(least "$memory" memory.max); echo "memory ${limit:-$(least "$memory" memory.limit_in_bytes)}"
echo "pids $(least "$pids" pids.max)"
for one in cpu.weight cpu.shares; do [ -f "${cpu%/*}/$one" ] && echo "$one $(cat "${cpu%/*}/$one")"; done
:
"""
"""The weight is that of the slice, the folder above the container's own."""


def contained(wanted: Container, seconds: int = WAIT) -> Question[Contained]:
    """Waits for health as `running` does, and looks at the process that the service's container has."""
    args = (wanted.unit, wanted.inside, str(wanted.port), str(seconds), wanted.namespace, wanted.service)
    script = FIND + RUNNING_SCRIPT + CONFINED_SCRIPT
    return Question(Script(script, args, sudo=True, limit=LIMIT), parse_contained)
