"""A picture: a figure with the sentence that says what it shows, which is all of it that is compared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from runbook.show.tables import sentence

PLOTLY = "application/vnd.plotly.v1+json"


@dataclass(frozen=True, repr=False)
class Picture:
    """`name` is a word for files, `caption` a sentence that is the same in every healthy run, `rows` are in HTML.

    A page without scripts, and a reader who cannot see, have the table.
    """

    name: str
    caption: str
    figure: go.Figure
    table: str = ""

    def __repr__(self) -> str:
        return self.caption

    @property
    def json(self) -> str:
        """The figure as plotly's own JSON, its keys in order."""
        return json.dumps(self.figure.to_plotly_json(), sort_keys=True, default=list)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {
            "text/plain": self.caption,
            "text/html": sentence(self.caption) + self.table,
            PLOTLY: json.loads(self.json),
        }
