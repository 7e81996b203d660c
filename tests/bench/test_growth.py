"""How cost grows is drawn from what was measured, and from nothing else."""

from __future__ import annotations

import pytest

from bench.growth import COUNTS, panels
from runbook.show.curves import growth


def measures(*counts: int) -> list[dict]:
    return [{"name": f"fleet-{count}{suffix}", "ours": {"median": count * unit},
             "peers": {"peer": {"median": 2 * unit}}}
            for count in counts for suffix, unit in (("", 0.1), ("-memory", 2**20))]


def test_each_contender_is_a_line_in_both_panels() -> None:
    found = panels(measures(*COUNTS))
    seconds, memory = found.values()
    assert seconds["ours"] == [(count, pytest.approx(count * 0.1)) for count in COUNTS]
    assert memory == {"ours": [(count, count) for count in COUNTS], "peer": [(count, 2) for count in COUNTS]}
    figure = growth(found, "hosts")
    assert [trace.name for trace in figure.data] == ["ours", "peer", "ours", "peer"]
    assert figure.layout.xaxis.type == figure.layout.yaxis2.type == "log"


def test_what_was_not_measured_is_not_drawn() -> None:
    with pytest.raises(KeyError, match="fleet-100"):
        panels(measures(1, 10, 20))
