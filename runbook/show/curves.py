"""Curves: latency by percentile, and what hosts did over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from runbook.show.figures import SERIES, TEMPLATE

DASHES = ("solid", "dash", "dot", "dashdot")
"""A line is told by its dash as well as by its colour."""

SHARES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999)
Points = Sequence[tuple[float, float | None]]
"""None breaks the line."""


def percentiles(curves: Mapping[str, Points], title: str = "") -> go.Figure:
    """One line a name: (share of the requests, seconds). The last shares are drawn as wide as the first ones."""
    figure = go.Figure()
    for number, (name, points) in enumerate(curves.items()):
        below = [(share, seconds) for share, seconds in points if share < 1 and seconds]
        longest = max((seconds for _, seconds in below), default=0.0)
        tail = [place for place, (_, seconds) in enumerate(below) if seconds >= longest]
        below = below[: tail[0] + 1] if tail else below  # behind the longest there is nothing more to tell
        figure.add_scatter(
            name=name,
            x=[1 / (1 - share) for share, _ in below],
            y=[seconds * 1e3 for _, seconds in below],
            mode="lines",
            line={"shape": "hv", "dash": DASHES[number % len(DASHES)], "color": SERIES[number % len(SERIES)]},
            customdata=[100 * share for share, _ in below],
            hovertemplate="%{customdata:.3f} % within %{y:.2f} ms<extra>%{fullData.name}</extra>",
        )
    places = [1 / (1 - share) for share in SHARES]
    return figure.update_layout(
        template=TEMPLATE,
        title=title,
        height=380,
        xaxis={"type": "log", "tickvals": places, "ticktext": [f"{100 * share:g} %" for share in SHARES],
               "title": "requests answered within"},
        yaxis={"type": "log", "title": "ms", "dtick": "D2"},
        legend={"orientation": "h", "y": 1.12},
    )


def over_time(rows: Mapping[str, Mapping[str, Points]], bands: Mapping[str, tuple[float, float]],
              title: str = "") -> go.Figure:
    """Rows of lines on one time axis: `{what and unit: {host: (seconds, value)}}`; each band's span is shaded."""
    figure = go.Figure()
    names = list(dict.fromkeys(name for lines in rows.values() for name in lines))
    shown: set[str] = set()
    share = 1 / max(len(rows), 1)
    for row, (what, lines) in enumerate(rows.items()):
        axis = f"y{row + 1}" if row else "y"
        for name, points in lines.items():
            number = names.index(name)
            figure.add_scatter(
                yaxis=axis, name=name, legendgroup=name, showlegend=name not in shown, mode="lines",
                x=[seconds for seconds, _ in points], y=[value for _, value in points],
                line={"dash": DASHES[number % len(DASHES)], "color": SERIES[number % len(SERIES)], "width": 1.6},
                hovertemplate="%{y:.3g} at %{x:.1f} s<extra>%{fullData.name}</extra>",
            )
            shown.add(name)
        top, gap = 1 - row * share, 0.05 if row < len(rows) - 1 else 0
        figure.update_layout({axis.replace("y", "yaxis"): {
            "title": what, "rangemode": "tozero", "nticks": 5, "domain": [max(top - share + gap, 0), top]}})
    for number, (name, (start, end)) in enumerate(bands.items()):
        figure.add_shape(type="rect", x0=start, x1=end, y0=0, y1=1, yref="paper", line_width=0, layer="below",
                         fillcolor=SERIES[number % len(SERIES)], opacity=0.08)
        figure.add_annotation(x=(start + end) / 2, y=1.0, yref="paper", text=name, showarrow=False,
                              yanchor="bottom", font={"size": 11})
    return figure.update_layout(
        template=TEMPLATE, title=title, height=100 + 160 * len(rows),
        xaxis={"title": "seconds", "anchor": f"y{len(rows)}"}, legend={"orientation": "h", "y": -0.09},
    )


def growth(panels: Mapping[str, Mapping[str, Points]], across: str, title: str = "") -> go.Figure:
    """How something grows, both axes logarithmic: `{what and unit: {name: (how many, value)}}`, panels side by side."""
    figure = go.Figure()
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    share = 1 / max(len(panels), 1)
    for place, (what, lines) in enumerate(panels.items()):
        number = str(place + 1) if place else ""
        for name, points in lines.items():
            index = names.index(name)
            figure.add_scatter(
                xaxis=f"x{number}", yaxis=f"y{number}", name=name, legendgroup=name, showlegend=not place,
                mode="lines+markers", x=[many for many, _ in points], y=[value for _, value in points],
                line={"dash": DASHES[index % len(DASHES)], "color": SERIES[index % len(SERIES)],
                      "width": 3.5 if not index else 1.8},
                hovertemplate="%{y:.3g} at %{x}<extra>%{fullData.name}</extra>",
            )
        left = place * share
        ticks = sorted({many for points in lines.values() for many, _ in points})
        figure.update_layout({
            f"xaxis{number}": {"type": "log", "title": across, "anchor": f"y{number}",
                               "tickvals": ticks, "ticktext": [f"{one:g}" for one in ticks],
                               "domain": [left + (0.06 if place else 0), left + share - 0.02]},
            f"yaxis{number}": {"type": "log", "title": what, "dtick": "D2", "anchor": f"x{number}"}})
    return figure.update_layout(template=TEMPLATE, title=title, height=420,
                                legend={"orientation": "h", "y": 1.12})
