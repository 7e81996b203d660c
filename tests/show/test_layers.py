"""Layers: what needs stands left of what is needed, and a state is told without its colour."""

from __future__ import annotations

from runbook.show.layers import SHAPES, Node, layered

WORDS = {"pass": "builds", "fail": "fails", "pending": "waits"}


def drawn(nodes: list[Node], edges: list[tuple[str, str]]) -> tuple[dict[str, tuple[float, float]], list[dict]]:  # type: ignore[type-arg]
    traces = layered(nodes, edges, WORDS).to_plotly_json()["data"]
    marked = [trace for trace in traces if trace["mode"] == "markers+text"]
    return {text.strip(): (x, y) for trace in marked
            for text, x, y in zip(trace["text"], trace["x"], trace["y"], strict=True)}, traces


def test_what_is_needed_stands_to_the_right_and_no_two_things_in_one_place() -> None:
    nodes = [Node("main", "pending"), Node("a", "pending"), Node("b", "pass"), Node("c", "fail")]
    places, traces = drawn(nodes, [("main", "a"), ("main", "b"), ("a", "c"), ("b", "b")])
    assert [places[name][0] for name in ("main", "a", "b", "c")] == [0, 1, 1, 2]
    assert len(set(places.values())) == 4
    names = [trace["name"] for trace in traces if trace.get("name")]
    assert names == ["builds (1)", "fails (1)", "waits (2)"]
    symbols = [trace["marker"]["symbol"] for trace in traces if "marker" in trace]
    assert symbols == [SHAPES["pass"], SHAPES["fail"], SHAPES["pending"]] and len(set(symbols)) == 3


def test_rings_and_things_of_their_own_are_drawn_too() -> None:
    nodes = [Node(name, "pass") for name in ("a", "b", "alone")]
    places, _ = drawn(nodes, [("a", "b"), ("b", "a"), ("a", "nowhere")])
    assert set(places) == {"a", "b", "alone"}
    assert layered([], [], WORDS).to_plotly_json()["data"] == []


def test_a_long_name_keeps_its_end() -> None:
    places, _ = drawn([Node("example.test/" + "x" * 40 + "/tail", "pass")], [])
    (name,) = places
    assert name.startswith("…") and name.endswith("/tail") and len(name) == 32
