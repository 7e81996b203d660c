"""One measure: ours and the peers' samples, taken in turn, and how they are written down."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results.json"
SCHEMA = 1


@dataclass(frozen=True)
class Spread:
    """Median, tenth and ninetieth percentile of samples."""

    median: float
    p10: float
    p90: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Spread:
        """Needs two samples at least."""
        tenths = statistics.quantiles(samples, n=10, method="inclusive")
        return cls(statistics.median(samples), tenths[0], tenths[-1])


@dataclass(frozen=True)
class Measure:
    """What was measured, in which unit, what is better, and the spread of ours and of each peer."""

    name: str
    unit: str
    better: str                           # "less" or "more"
    runs: int
    ours: Spread
    peers: Mapping[str, Spread]

    def __str__(self) -> str:
        rows = [("ours", self.ours), *self.peers.items()]
        width = max(len(name) for name, _ in rows)
        lines = [f"{self.name}, {self.unit}, median of {self.runs} ({self.better} is better)"]
        for name, spread in rows:
            ratio = spread.median / self.ours.median
            lines.append(f"  {name:<{width}}  {spread.median:10.4g}  p10 {spread.p10:10.4g}  p90 {spread.p90:10.4g}"
                         f"  {ratio:6.2f} of ours")
        return "\n".join(lines)


def in_turn(contenders: Mapping[str, Callable[[], object]], *, rounds: int, warm: int = 5) -> dict[str, list[float]]:
    """Seconds of each contender, every one once a round, so that a loaded moment meets all of them.

    Each round begins with another one: none always runs behind the same neighbour.
    """
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-warm, rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            start = time.perf_counter()
            contenders[name]()
            took = time.perf_counter() - start
            if number >= 0:
                seconds[name].append(took)
    return seconds


def keep(measures: Sequence[Measure], path: Path = RESULTS) -> None:
    """Writes the measures; those of other names that the file holds already stay."""
    known: dict[str, object] = {}
    if path.exists():
        known = {one["name"]: one for one in json.loads(path.read_text())["measures"]}
    known |= {measure.name: asdict(measure) for measure in measures}
    cpus = len(os.sched_getaffinity(0))
    content = {"schema": SCHEMA, "machine": f"{platform.machine()}, {cpus} CPUs, Linux {platform.release()}",
               "date": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
               "measures": list(known.values())}
    path.write_text(json.dumps(content, indent=1) + "\n")
