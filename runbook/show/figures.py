"""Figures by plotly, on one small template that reads well on a light and on a dark page."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from runbook.show.tables import COLOURS

SERIES = ("#3867d6", "#1a8754", "#b06f00", "#8854d0", "#d1344b", "#0f8b8d")
"""Colours of series that are no states, apart in lightness too."""

# plotly's own template makes a figure of one bar 6.5 kB; this one adds 0.3.
TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#6b7280"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "colorway": list(SERIES),
        "margin": {"l": 8, "r": 8, "t": 36, "b": 8},
        "xaxis": {"automargin": True, "gridcolor": "rgba(128,128,128,.25)", "zeroline": False},
        "yaxis": {"automargin": True, "gridcolor": "rgba(128,128,128,.25)", "zeroline": False},
    }
)


@dataclass(frozen=True)
class Span:
    """Something that took time on a host: `start` and `seconds` count from the run's start."""

    host: str
    start: float
    seconds: float
    kind: str
    text: str
    state: str = ""

    @property
    def colour(self) -> str:
        if self.state in ("fail", "failed"):
            return COLOURS["fail"]
        return KINDS.get(self.kind, SERIES[5])


KINDS: Mapping[str, str] = {
    "chapter": "#8a94a6",
    "step": SERIES[2],
    "command": SERIES[0],
    "transfer": SERIES[3],
}
WIDTHS: Mapping[str, float] = {"chapter": 0.72, "step": 0.72}  # of a row
OPACITIES: Mapping[str, float] = {"step": 0.45}


def bars(values: Mapping[str, float], unit: str, title: str = "") -> go.Figure:
    """One horizontal bar for each name, the first on top, the value written at its end."""
    figure = go.Figure(
        go.Bar(
            x=list(values.values()),
            y=list(values),
            orientation="h",
            text=[f"{value:g} {unit}" for value in values.values()],
            textposition="auto",
            hoverinfo="skip",
        )
    )
    return figure.update_layout(
        template=TEMPLATE,
        title=title,
        height=90 + 34 * len(values),
        bargap=0.35,
        yaxis_autorange="reversed",
        xaxis_title=unit,
    )


def timeline(spans: Sequence[Span], title: str = "") -> go.Figure:
    """What ran where and when: one row a host, one colour a kind; seconds from the run's start."""
    hosts = list(dict.fromkeys(span.host for span in spans))
    figure = go.Figure()
    seen = dict.fromkeys(span.kind for span in spans)
    for kind in sorted(seen, key=[*KINDS, *seen].index):  # steps lie behind what they are made of
        of = [span for span in spans if span.kind == kind]
        figure.add_bar(
            name=kind,
            orientation="h",
            y=[span.host for span in of],
            x=[span.seconds for span in of],
            base=[span.start for span in of],
            width=WIDTHS.get(kind, 0.36),
            marker={"color": [span.colour for span in of], "opacity": OPACITIES.get(kind, 1.0)},
            customdata=[[span.text, span.seconds] for span in of],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]:.2f} s<extra>%{y}</extra>",
        )
    return figure.update_layout(
        template=TEMPLATE,
        title=title,
        barmode="overlay",
        height=110 + 44 * len(hosts),
        yaxis={"categoryorder": "array", "categoryarray": hosts[::-1]},
        xaxis_title="seconds",
        legend={"orientation": "h", "y": 1.15},
    )


def plotly_packed() -> str:
    """The whole of plotly.js, as the Python package carries it, for one page that opens offline.

    As gzip in base64, which a browser unpacks by itself: 2 MB instead of 4.8.
    """
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()
