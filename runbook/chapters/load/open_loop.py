"""The open loop: requests leave at their times whether or not answers came, so a stall shows in every one behind it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from runbook.chapters.load.schedule import ANSWER_SECONDS, Schedule
from runbook.chapters.load.spread import Spread
from runbook.chapters.sections import sections
from runbook.chapters.visit import ARRIVE
from runbook.remote.command import Command, Script

NANOSECONDS = 1e9
WORKERS = 500
"""The most requests under way at once: a target that stands still must not fill the sender's memory."""

SEND = (
    ARRIVE
    + r"""
rate=$1 seconds=$2 repeats=$3 wait=$4 workers=$5; shift 5
number=0
for targets; do
  printf '%s\n' "$targets" >targets
  turn=0
  while [ "$turn" -le "$repeats" ]; do
    began=$(date +%s.%N)
    "./$name" attack -targets targets -rate "$rate/1s" -duration "${seconds}s" -timeout "${wait}s" \
      -max-workers "$workers" -max-body 0 -output "turn-$turn" </dev/null || exit
    printf '== turn %s %s\n%s %s\n' "$number" "$turn" "$began" "$(date +%s.%N)"
    "./$name" report -type json "turn-$turn" || exit
    printf '\n'
    turn=$((turn + 1))
  done
  rm -f turn-0
  printf '== all %s\n' "$number"; "./$name" report -type json turn-* || exit
  printf '\n== distribution %s\n' "$number"; "./$name" report -type hdrplot turn-* || exit
  rm -f turn-*
  number=$((number + 1))
done
"""
)
"""The driver comes by standard input and is gone afterwards. The first turn of a route is not counted: connections are
opened in it, and an emulator translates the program. Bodies are read and not kept: they would be most of a result."""


@dataclass(frozen=True)
class Report:
    """What the driver says of one turn or of many: seconds for latencies."""

    requests: int
    rate: float  # requests a second that were sent
    throughput: float  # requests a second that were answered well
    success: float  # share, 0 to 1
    p50: float
    p90: float
    p99: float
    longest: float
    errors: tuple[str, ...]
    began: float = 0.0  # seconds of the sender's clock
    ended: float = 0.0


@dataclass(frozen=True)
class Sent:
    """One route: every counted turn, all of them as one, and latency by percentile."""

    route: str
    turns: tuple[Report, ...]
    whole: Report
    distribution: tuple[tuple[float, float], ...] = field(repr=False)  # share below, seconds

    @property
    def rate(self) -> Spread:
        """Requests a second that were sent within the turns; of `whole` it would count the pauses between them."""
        return Spread([turn.rate for turn in self.turns])

    @property
    def throughput(self) -> Spread:
        return Spread([turn.throughput for turn in self.turns])


def send(schedule: Schedule, driver: Path) -> Command:
    """The command for the sender; the driver's bytes are its input."""
    data = driver.read_bytes()
    lists = ["\n".join(f"GET {schedule.url(host, route.path)}" for host in schedule.targets)
             for route in schedule.routes]
    depth = schedule.depth
    numbers = (str(depth.rate), str(depth.seconds), str(depth.repeats), f"{ANSWER_SECONDS:g}", str(WORKERS))
    return Script(SEND, limit=schedule.limit).command(
        driver.name, hashlib.sha256(data).hexdigest(), "", *numbers, *lists, stdin=data)


def parse_sent(text: str, schedule: Schedule) -> tuple[Sent, ...]:
    """One `Sent` a route. Raises ValueError or KeyError where a report is missing or is none."""
    parts = sections(text)
    found = []
    for number, route in enumerate(schedule.routes):
        turns = []
        for turn in range(1, schedule.depth.repeats + 1):
            times, _, report = parts[f"turn {number} {turn}"].partition("\n")
            began, ended = map(float, times.split())
            turns.append(_report(report, began, ended))
        whole = _report(parts[f"all {number}"])
        found.append(Sent(route.name, tuple(turns), whole, parse_distribution(parts[f"distribution {number}"])))
    return tuple(found)


def _report(text: str, began: float = 0.0, ended: float = 0.0) -> Report:
    said = json.loads(text)
    latency = said["latencies"]
    return Report(
        requests=int(said["requests"]),
        rate=float(said["rate"]),
        throughput=float(said["throughput"]),
        success=float(said["success"]),
        p50=latency["50th"] / NANOSECONDS,
        p90=latency["90th"] / NANOSECONDS,
        p99=latency["99th"] / NANOSECONDS,
        longest=latency["max"] / NANOSECONDS,
        errors=tuple(said.get("errors") or ()),
        began=began,
        ended=ended,
    )


def parse_distribution(text: str) -> tuple[tuple[float, float], ...]:
    """Rows of an HdrHistogram plot, `value (ms)  percentile  total  1/(1-percentile)`, as shares and seconds."""
    rows = re.findall(r"^\s*([0-9.]+)\s+([01]\.[0-9]+)\s+\d+\s", text, re.MULTILINE)
    return tuple((float(share), float(value) / 1e3) for value, share in rows)
