"""Register files: one row of named cells for each, every cell with its role in letters as well as in colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from runbook.show.figures import TEMPLATE
from runbook.show.picture import Picture
from runbook.show.tables import table

COLOURS = ("#3867d6", "#8854d0", "#1a8754", "#b06f00", "#d1344b", "#0f8b8d", "#aeb4bf", "#e4e6ea")
"""One for each role, in the order of the roles; the letters carry the meaning."""
DARK = 5  # colours up to here want light letters


@dataclass(frozen=True)
class Cell:
    """One register and the letters of its roles, the first of which gives the colour."""

    name: str
    roles: str


@dataclass(frozen=True)
class Row:
    name: str
    standing: str  # how it was come by
    cells: tuple[Cell, ...]


def register_file(name: str, caption: str, rows: Sequence[Row], roles: Mapping[str, str]) -> Picture:
    """A picture of all rows, and a table with the same cells; `roles` says what each letter means, strongest first."""
    letters = list(roles)
    figure = go.Figure()
    for number, letter in enumerate(letters):
        places = [(at, row.name, cell) for row in rows for at, cell in enumerate(row.cells)
                  if cell.roles.startswith(letter)]
        figure.add_scatter(
            name=f"{letter} {roles[letter]}",
            mode="markers+text",
            x=[at for at, _, _ in places],
            y=[row for _, row, _ in places],
            text=[f"{cell.name.lstrip('%')}<br><b>{cell.roles}</b>" for _, _, cell in places],
            textfont={"size": 9, "color": "#ffffff" if number <= DARK else "#30343b"},
            marker={"symbol": "square", "size": 31, "color": COLOURS[number % len(COLOURS)]},
            hovertemplate="%{text}<extra>%{y}</extra>",
        )
    figure.update_layout(
        template=TEMPLATE, height=120 + 42 * len(rows), width=1320,
        xaxis={"visible": False, "range": [-0.7, max((len(row.cells) for row in rows), default=1) - 0.3]},
        yaxis={"categoryorder": "array", "categoryarray": [row.name for row in rows][::-1], "showgrid": False},
        legend={"orientation": "h", "y": 1.12, "itemsizing": "trace"},
    )
    return Picture(name, caption, figure, _table(rows, roles))


def _table(rows: Sequence[Row], roles: Mapping[str, str]) -> str:
    """Each row's registers by role, for a page without scripts."""
    return table(("registers", "", *roles.values()), (
        (f"<b>{escape(row.name)}</b>", escape(row.standing),
         *(escape(", ".join(f"{cell.name}" for cell in row.cells if letter in cell.roles)) for letter in roles))
        for row in rows))
