"""Measurements are taken in turn, and kept beside those of other names."""

from __future__ import annotations

import json
from pathlib import Path

from bench.measure import Measure, Spread, in_turn, keep


def test_everyone_has_its_turn_and_nobody_always_the_same_neighbour() -> None:
    order: list[str] = []
    seconds = in_turn({name: lambda name=name: order.append(name) for name in "abc"}, rounds=3, warm=0)
    assert order == list("abc" "bca" "cab")
    assert {name: len(samples) for name, samples in seconds.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_spread_is_of_all_samples() -> None:
    assert Spread.of([float(number) for number in range(11)]) == Spread(5.0, 1.0, 9.0)


def test_a_measure_replaces_its_own_name_only(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    one, two = (Measure(name, "s", "less", 2, Spread(1, 1, 1), {"peer": Spread(2, 2, 2)}) for name in ("one", "two"))
    keep([one, two], file)
    keep([Measure("two", "s", "less", 9, Spread(3, 3, 3), {})], file)
    content = json.loads(file.read_text())
    assert content["schema"] == 1 and set(content) == {"schema", "machine", "date", "measures"}
    assert [(measure["name"], measure["runs"]) for measure in content["measures"]] == [("one", 2), ("two", 9)]
    assert content["measures"][0]["peers"] == {"peer": {"median": 2, "p10": 2, "p90": 2}}
    assert "2.00 of ours" in str(one)
