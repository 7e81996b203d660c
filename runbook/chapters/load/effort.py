"""What a host has to do for the load: its CPUs and the service's process, looked at some times a second."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from runbook.chapters.containers.observe import LISTENERS
from runbook.chapters.sections import sections
from runbook.remote.command import Command, Script

INTERVAL = 0.25  # seconds
MOST_SAMPLES = 300
TICKS = 100
"""USER_HZ where getconf does not tell it: 100 on nearly every architecture (asm-generic/param.h)."""

ALIKE = 0.05
"""The share by which the counts of one kernel may differ that was asked twice within a second."""

LOOK = (
    LISTENERS
    + r"""
port=$1 interval=$2 left=$3 until=$(($(date +%s) + $4))
pid=$(listeners "$(printf %04X "$port")" 0 | head -n 1); pid=${pid%% *}
echo '== ground'
getconf CLK_TCK 2>/dev/null || echo 0
nproc; sed -n 's/^ctxt //p; s/^btime //p' /proc/stat; echo "${pid:-0}"
echo '== samples'
while [ "$left" -gt 0 ]; do
  read -r all </proc/stat
  process=; [ -z "$pid" ] || read -r process 2>/dev/null <"/proc/$pid/stat" || :
  free=; while read -r key value unit; do [ "$key" = MemAvailable: ] && { free=$value; break; }; done </proc/meminfo
  held=; [ -z "$process" ] || while read -r key value unit; do
    [ "$key" = VmRSS: ] && { held=$value; break; }; done 2>/dev/null <"/proc/$pid/status"
  now=$(date +%s.%N)
  set -- ${process##*) }
  case ${1:-} in Z|X) set -- ;; esac  # dead, and not yet fetched by its parent
  printf '%s|%s|%s|%s|%s\n' "$now" "$all" "$free" "$held" "${12:-} ${13:-}"
  [ "${now%%.*}" -lt "$until" ] || break
  left=$((left - 1)); sleep "$interval"
done
"""
)
"""By the shell's own `read`, so that looking costs two small processes a sample. Which process: who listens.

Its utime and stime are fields 14 and 15 of /proc/PID/stat (proc(5)), so 12 and 13 behind its name.
"""


@dataclass(frozen=True)
class Sample:
    """One look: the host's clock, its busy and all CPU time in ticks, free and held memory in bytes, own CPU ticks."""

    at: float
    busy: int
    total: int
    free: int | None
    held: int | None
    ticks: int | None


@dataclass(frozen=True)
class Effort:
    """A host's samples. Its kernel tells when it was `booted` (seconds since 1970), and its `switches` of contexts.

    `pid` listened when the first was taken, and `last` when all was over; the samples may end before the load does.
    """

    host: str
    pid: int
    cpus: int
    booted: int
    switches: int
    hertz: int
    samples: tuple[Sample, ...]
    last: int | None = None  # None: nobody asked

    def until(self, after: Effort) -> Effort:
        """This one, with who listens by a look that was taken when the load was over."""
        return replace(self, last=after.pid)

    @property
    def busy(self) -> tuple[tuple[float, float], ...]:
        """(clock, percent of all the host's CPU time) since the look before."""
        pairs = zip(self.samples, self.samples[1:], strict=False)
        return tuple((now.at, 100.0 * (now.busy - was.busy) / (now.total - was.total))
                     for was, now in pairs if now.total > was.total)

    @property
    def own(self) -> tuple[tuple[float, float], ...]:
        """(clock, CPUs that the service's process used) since the look before."""
        pairs = zip(self.samples, self.samples[1:], strict=False)
        return tuple((now.at, (now.ticks - was.ticks) / self.hertz / (now.at - was.at)) for was, now in pairs
                     if now.ticks is not None and was.ticks is not None and now.at > was.at)

    @property
    def held(self) -> tuple[tuple[float, float], ...]:
        """(clock, resident bytes of the service's process)."""
        return tuple((one.at, float(one.held)) for one in self.samples if one.held is not None)

    @property
    def free(self) -> tuple[tuple[float, float], ...]:
        """(clock, bytes that the host could give to a new program without swapping)."""
        return tuple((one.at, float(one.free)) for one in self.samples if one.free is not None)

    @property
    def stayed(self) -> bool:
        """Whether one process served from the first look to the last, and after it."""
        there = bool(self.pid and self.samples) and all(one.ticks is not None for one in self.samples)
        return there and self.last in (None, self.pid)


def look(port: int, lasting: float) -> Command:
    """The command for a target: as long as the load is expected to last (seconds), with a bound on the samples."""
    interval = max(INTERVAL, round(lasting / MOST_SAMPLES, 2))
    seconds = math.ceil(lasting)
    words = (str(port), f"{interval:g}", str(int(seconds / interval) + 2), str(seconds))
    return Script(LOOK, sudo=True, limit=seconds + 30.0).command(*words)


def parse_effort(text: str, host: str) -> Effort:
    """Raises ValueError where the answer is not whole."""
    parts = sections(text)
    ground = parts.get("ground", "").split("\n")
    if len(ground) < 5:
        raise ValueError("the host did not tell its ticks, CPUs and boot")
    hertz, cpus, switches, booted, pid = (int(word or 0) for word in ground[:5])
    samples = tuple(_sample(line) for line in parts.get("samples", "").splitlines())
    return Effort(host, pid, cpus, booted, switches, hertz or TICKS, samples)


def _sample(line: str) -> Sample:
    at, cpu, free, held, process = line.split("|", 4)
    # cpu  user nice system idle iowait irq softirq steal (proc(5)); guest times are in user already
    ticks = [int(word) for word in cpu.split()[1:9]]
    own = process.split()
    return Sample(
        at=float(at),
        busy=sum(ticks) - ticks[3] - ticks[4],
        total=sum(ticks),
        free=int(free) * 1024 if free else None,
        held=int(held) * 1024 if held else None,
        ticks=int(own[0]) + int(own[1]) if len(own) == 2 else None,
    )


def of_one_kernel(efforts: Sequence[Effort]) -> bool:
    """Whether at least two hosts share a kernel, so that each sees the CPU time of all of them.

    Such hosts were booted in the same second, and have switched contexts as often to within what passes between two
    looks. A boot_id would not tell: a container may have one of its own.
    """
    pairs = itertools.combinations(efforts, 2)
    return any(a.booted == b.booted and abs(a.switches - b.switches) < ALIKE * a.switches for a, b in pairs)
