"""A second run on hosts that the first has left as it wants them, beside the first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.measure import Measure, Spread
from runbook.run import REPORTS_VARIABLE, RUN_VARIABLE
from runbook.site import ROOT, Site

LIMIT = 900.0


def measure(site: Site) -> Measure:
    """Seconds of the whole program, once each: a first run changes the hosts, so it cannot be had twice on one bed.

    What the runs changed is taken back. Raises RuntimeError where a run does not pass, or the second changes a host.
    """
    with tempfile.TemporaryDirectory() as reports:
        first = _seconds(reports, "run", "--site", str(site.file))
        name = (Path(reports) / "latest").resolve().name
        try:
            second = _seconds(reports, "run", "--site", str(site.file))
            if _changes(Path(reports)):
                raise RuntimeError("the second run changed a host")
            afresh = _seconds(reports, "run", "--site", str(site.file), "--afresh")
        finally:
            _seconds(reports, "undo", name)
    peers = {"the first run": first, "a second one with --afresh": afresh}
    return Measure("second-run", "s", "less", 1, _once(second), {name: _once(one) for name, one in peers.items()})


def _seconds(reports: str, *words: str) -> float:
    environment = {name: value for name, value in os.environ.items() if name != RUN_VARIABLE}
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "runbook", *words], cwd=ROOT, timeout=LIMIT, text=True,
                          env={**environment, REPORTS_VARIABLE: reports}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError(f"runbook {' '.join(words)}: exit {done.returncode}: {done.stdout[-2000:]}")
    return time.perf_counter() - start


def _changes(reports: Path) -> int:
    summary = json.loads((reports / "latest" / "summary.json").read_text())
    return sum(count for chapter in summary["chapters"] for count in chapter["changes"].values())


def _once(seconds: float) -> Spread:
    return Spread(seconds, seconds, seconds)
