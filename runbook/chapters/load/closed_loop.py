"""The closed loop: each connection asks again when its answer came, so what is counted is what can be borne at most."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runbook.chapters.load.schedule import ANSWER_SECONDS, Schedule
from runbook.chapters.load.spread import Spread
from runbook.chapters.sections import sections
from runbook.remote.command import Command, Script

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
"""Of wrk's times (wrk, src/units.c)."""

# No turn is left uncounted: the open loop came before, and wrk opens its connections anew each time.
ASK = r"""
threads=$1 connections=$2 seconds=$3 repeats=$4 wait=$5; shift 5
number=0
for url; do
  turn=1
  while [ "$turn" -le "$repeats" ]; do
    began=$(date +%s.%N)
    said=$(wrk -t "$threads" -c "$connections" -d "${seconds}s" --timeout "${wait}s" --latency "$url" \
      2>&1 </dev/null) || { printf '%s\n' "$said" >&2; exit 1; }
    printf '== turn %s %s\n%s %s\n%s\n' "$number" "$turn" "$began" "$(date +%s.%N)" "$said"
    turn=$((turn + 1))
  done
  number=$((number + 1))
done
"""


@dataclass(frozen=True)
class Turn:
    """What wrk says of one turn: seconds for latencies, requests a second, and everything that went wrong."""

    rate: float
    requests: int
    p50: float
    p90: float
    p99: float
    errors: int  # of the sockets
    refused: int  # answers with a status that is no success
    own_deviation: str  # wrk's `Req/Sec` deviation: of its threads' samples within this one turn
    total_deviation: str  # what wrk says behind the rate of the whole turn; today's says nothing
    began: float
    ended: float


@dataclass(frozen=True)
class Asked:
    """One route of one target: every counted turn."""

    route: str
    host: str
    turns: tuple[Turn, ...]

    @property
    def rate(self) -> Spread:
        return Spread([turn.rate for turn in self.turns])

    @property
    def errors(self) -> int:
        return sum(turn.errors + turn.refused for turn in self.turns)


def ask(schedule: Schedule) -> Command:
    """The command for the sender: all routes of the first target; wrk takes one address."""
    depth, target = schedule.depth, schedule.targets[0]
    numbers = (str(depth.threads), str(depth.connections), str(depth.seconds), str(depth.repeats),
               f"{ANSWER_SECONDS:g}")
    urls = [schedule.url(target, route.path) for route in schedule.routes]
    return Script(ASK, limit=schedule.limit).command(*numbers, *urls)


def parse_asked(text: str, schedule: Schedule) -> tuple[Asked, ...]:
    """One `Asked` a route. Raises ValueError or KeyError where an answer is missing or is none of wrk's."""
    parts = sections(text)
    return tuple(
        Asked(route.name, schedule.targets[0].name,
              tuple(parse_turn(parts[f"turn {number} {turn}"]) for turn in range(1, schedule.depth.repeats + 1)))
        for number, route in enumerate(schedule.routes)
    )


def parse_turn(text: str) -> Turn:
    """The first line is the times of begin and end, the rest is wrk's."""
    times, _, said = text.partition("\n")
    began, ended = map(float, times.split())
    rate = re.search(r"^Requests/sec:\s+([0-9.]+)", said, re.MULTILINE)
    count = re.search(r"^\s*(\d+) requests in ", said, re.MULTILINE)
    if rate is None or count is None:
        raise ValueError(f"wrk did not say how many requests it made: {said[:200]}")
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    deviation = re.search(r"Req/Sec\s+\S+\s+(\S+)", said)
    behind = re.search(r"^Requests/sec:[ \t]+[0-9.]+[ \t]+(\S.*)$", said, re.MULTILINE)
    return Turn(
        rate=float(rate[1]),
        requests=int(count[1]),
        p50=_percentile(said, 50),
        p90=_percentile(said, 90),
        p99=_percentile(said, 99),
        errors=sum(map(int, sockets.groups())) if sockets else 0,
        refused=int(refused[1]) if refused else 0,
        own_deviation=deviation[1] if deviation else "",
        total_deviation=behind[1] if behind else "",
        began=began,
        ended=ended,
    )


def _percentile(said: str, which: int) -> float:
    found = re.search(rf"^\s+{which}%\s+([0-9.]+)(us|ms|s|m|h)\s*$", said, re.MULTILINE)
    if found is None:
        raise ValueError(f"wrk did not say its {which}% latency")
    return float(found[1]) * UNITS[found[2]]
