"""Strips: every single measurement as a point, a row for each thing measured, so that a spread is seen, not told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from runbook.show.figures import SERIES, TEMPLATE

SYMBOLS = ("circle", "diamond-open", "x", "square-open")
"""A series is told by its mark as well as by its colour."""


def strips(rows: Mapping[str, Mapping[str, Sequence[float]]], unit: str, title: str = "") -> go.Figure:
    """`{row: {series: values}}` on one logarithmic axis, on which equal distances are equal ratios."""
    figure = go.Figure()
    names = list(dict.fromkeys(name for series in rows.values() for name in series))
    for number, name in enumerate(names):
        points = [(value, row) for row, series in rows.items() for value in series.get(name, ()) if value > 0]
        figure.add_scatter(
            name=name, x=[value for value, _ in points], y=[row for _, row in points], mode="markers",
            marker={"symbol": SYMBOLS[number % len(SYMBOLS)], "color": SERIES[number % len(SERIES)], "size": 8},
            hovertemplate=f"%{{x:.4g}} {unit}<extra>%{{y}}, {name}</extra>")
    return figure.update_layout(
        template=TEMPLATE, title=title, height=120 + 44 * len(rows), yaxis_autorange="reversed",
        xaxis={"type": "log", "title": unit, "dtick": 1}, legend={"orientation": "h", "y": 1.12})
