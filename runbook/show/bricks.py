"""The chapters as bricks, coloured by state and named in words; and where the present one stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape

from runbook.contents import CONTENTS, Title
from runbook.diff import VERBATIM
from runbook.position import Position
from runbook.show.style import STYLE, kind, mark, word


@dataclass(frozen=True, repr=False)
class Contents:
    """All chapters with their states in one run; what is compared are the chapters alone."""

    states: Mapping[str, str]

    def __repr__(self) -> str:
        return f"{len(CONTENTS)} chapters, {CONTENTS[0].name} to {CONTENTS[-1].name}"

    def _repr_html_(self) -> str:
        return f'{STYLE}<div class="rb {VERBATIM}">{bricks(self.states, asks=True)}</div>'


def bricks(states: Mapping[str, str], *, here: str = "", asks: bool = False) -> str:
    """A list of links to the notebooks; `here` names the one that they are shown in, which is no link."""
    items = "".join(_brick(title, states.get(title.name, "none"), here, asks) for title in CONTENTS)
    return f'<ol class="rb-bricks{"" if asks else " small"}">{items}</ol>'


def card(position: Position, told: str, now: datetime) -> str:
    """What a chapter shows when it is opened: its own line, the bricks, and where it stands."""
    states = dict(position.states)
    shown = bricks(states, here=position.title.name)
    return (f'{STYLE}<div class="rb {VERBATIM} rb-position"><p class="rb-title">{escape(told)}</p>{shown}'
            f'<p class="rb-line">{_code(position.line(now))}</p></div>')


def _brick(title: Title, state: str, here: str, asks: bool) -> str:
    name = escape(f"{title.name[:2]} {title.title}")
    link = f"<b>{name}</b>" if title.name == here else f'<a href="{title.name}.ipynb">{name}</a>'
    more = f'<span class="rb-asks">{escape(title.asks)}</span>' if asks else ""
    current = ' aria-current="page"' if title.name == here else ""
    classes = kind(state) + (" here" if title.name == here else "")
    return (f'<li class="{classes}" data-chapter="{title.name}" data-state="{escape(state)}"{current}>{link}'
            f'<span class="rb-state">{mark(state)}{word(state)}</span>{more}</li>')


def _code(text: str) -> str:
    """A sentence as HTML, its `words` as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
