"""What a contender costs is counted with all its processes, and one that fails is no figure."""

from __future__ import annotations

import sys

import pytest

from bench.fleet import ended, started, watched

TWO_OF_FORTY_MEGABYTES = """
import os, time
os.fork()
filled = os.urandom(40_000_000)
time.sleep(1)
"""


def test_the_memory_of_all_its_processes_counts() -> None:
    seconds, peak = watched(started([sys.executable, "-c", TWO_OF_FORTY_MEGABYTES], {}))
    assert 1 < seconds < 30 and 80_000_000 < peak < 160_000_000


def test_a_contender_that_fails_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match="exit 3: (?s:.*)no such host"):
        ended(started(["sh", "-c", "echo no such host; exit 3"], {}))
