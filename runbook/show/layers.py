"""What depends on what, in layers from left to right: each thing with its state, told by shape as well as by colour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from runbook.show.figures import TEMPLATE
from runbook.show.tables import COLOURS

SHAPES: Mapping[str, str] = {"pass": "circle", "fail": "x", "pending": "diamond-open"}
ROW, MARGIN = 22, 110  # pixels: of one thing in the tallest layer, and of the legend with the edges
SWEEPS = 4
WIDEST = 32  # characters of a name; its end tells more than its beginning


@dataclass(frozen=True)
class Node:
    """One thing: its name, a state of the tables' colours, and what is said of it where one points at it."""

    name: str
    state: str
    note: str = ""


def layered(nodes: Sequence[Node], edges: Iterable[tuple[str, str]], words: Mapping[str, str]) -> go.Figure:
    """Lines lead from what needs to what is needed; `words` says what each state means, in the legend's order."""
    known = {node.name: node for node in nodes}
    lines = [(a, b) for a, b in edges if a in known and b in known and a != b]
    places = _places(list(known), lines)
    lines = [(a, b) for a, b in lines if places[a][0] != places[b][0]]  # within a layer they would be one line
    figure = go.Figure()
    for state, tint in (("", "rgba(128,128,128,.35)"), ("fail", COLOURS["fail"])):
        drawn = [(a, b) for a, b in lines if (known[b].state == "fail") == bool(state)]
        if drawn:
            figure.add_scatter(
                x=[at for a, b in drawn for at in (places[a][0], places[b][0], None)],
                y=[at for a, b in drawn for at in (places[a][1], places[b][1], None)],
                mode="lines", line={"width": 0.8, "color": tint}, hoverinfo="skip", showlegend=False)
    for state, word in words.items():
        own = [node for node in nodes if node.state == state]
        if own:
            figure.add_scatter(
                name=f"{word} ({len(own)})", mode="markers+text", textposition="middle right",
                x=[places[node.name][0] for node in own], y=[places[node.name][1] for node in own],
                text=[f" {_short(node.name)}" for node in own], hoverinfo="text",
                hovertext=[f"{node.name}<br>{node.note}" for node in own],
                textfont={"size": 11},
                marker={"symbol": SHAPES.get(state, "circle"), "color": COLOURS[state], "size": 9})
    tallest = max((sum(place[0] == layer for place in places.values()) for layer, _ in places.values()), default=1)
    last = max((layer for layer, _ in places.values()), default=0)
    bare = {"visible": False, "fixedrange": True}
    return figure.update_layout(
        template=TEMPLATE, height=MARGIN + ROW * tallest, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        xaxis={**bare, "range": [-0.08, last + 1]}, yaxis=bare)


def _places(names: list[str], lines: Sequence[tuple[str, str]]) -> dict[str, tuple[int, float]]:
    """Layer and height of each: as few steps from a beginning as can be, beside what it hangs together with."""
    needed = {b for _, b in lines}
    layer = {name: 0 for name in names if name not in needed} or {names[0]: 0} if names else {}
    edge = list(layer)
    while edge:
        edge = [b for a in edge for x, b in lines if x == a and b not in layer and not layer.update({b: layer[a] + 1})]
    layer |= {name: 0 for name in names if name not in layer}  # rings that nothing leads to
    rows: dict[int, list[str]] = {}
    for name in names:
        rows.setdefault(layer[name], []).append(name)
    height = {name: at for row in rows.values() for name, at in zip(row, _spread(len(row)), strict=True)}
    for _ in range(SWEEPS):
        for row in (rows[number] for number in sorted(rows)):
            near = {name: [height[a if b == name else b] for a, b in lines if name in (a, b)] for name in row}
            row.sort(key=lambda name: sum(near[name]) / len(near[name]) if near[name] else 0.0)
            height |= dict(zip(row, _spread(len(row)), strict=True))
    return {name: (layer[name], height[name]) for name in names}


def _short(name: str) -> str:
    return name if len(name) <= WIDEST else f"…{name[1 - WIDEST:]}"


def _spread(count: int) -> list[float]:
    """Heights around 0, one apart."""
    return [(count - 1) / 2 - at for at in range(count)]
