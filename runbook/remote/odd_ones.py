"""What many hosts say, shown as a few rows: those that failed, those that differ, and the others in one."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runbook.errors import LeftOut, RunbookError

NAMED = 4
"""So many hosts of one row are all named; of more the first, the last and how many they are."""


@dataclass(frozen=True)
class OddRow:
    """Hosts that said the same: what, and what is to be done where they failed."""

    hosts: tuple[str, ...]
    text: str
    next: str = ""
    failed: bool = False

    @property
    def who(self) -> str:
        if len(self.hosts) <= NAMED:
            return ", ".join(self.hosts)
        return f"{len(self.hosts)} hosts: {', '.join(self.hosts[:NAMED - 2])} … {self.hosts[-1]}"


def odd_first(said: Mapping[str, object]) -> tuple[OddRow, ...]:
    """A row for all hosts that said the same. Errors come first, then hosts that were left out because of them, then
    what differs from what most say, then that; within each in the order of the hosts."""
    told = {host: _told(host, value) for host, value in said.items()}
    good = Counter(words for host, words in told.items() if not isinstance(said[host], RunbookError))
    usual = good.most_common(1)[0][0] if good and len(good) < good.total() else None
    groups: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    for host, words in told.items():
        value = said[host]
        rank = (1 if isinstance(value, LeftOut) else 0 if isinstance(value, RunbookError)
                else 2 if usual is not None and words != usual else 3)
        groups.setdefault((rank, _alike(host, words) if rank < 2 else words), []).append(host)
    return tuple(OddRow(tuple(hosts), *(told[hosts[0]] if len(hosts) == 1 else words), failed=rank < 2)
                 for (rank, words), hosts in sorted(groups.items(), key=lambda group: group[0][0]))


def text_table(rows: Iterable[OddRow]) -> str:
    """The rows for a terminal; `no host` where there is none."""
    rows = tuple(rows)
    width = max((len(row.who) for row in rows), default=0)
    pad = "\n" + " " * (width + 2)
    return "\n".join(f"{row.who:<{width}}  " + pad.join([*row.text.splitlines(), *_next(row)]) for row in rows) \
        or "no host"


def markdown_table(rows: Iterable[OddRow]) -> str:
    """The rows for a notebook; what hosts say is no markup in it."""
    rows = tuple(rows)
    if not rows:
        return "no host"
    more = any(row.next for row in rows)
    lines = ["| hosts | | next |", "|---|---|---|"] if more else ["| hosts | |", "|---|---|"]
    for row in rows:
        text = _cell(row.text)
        cells = [_cell(row.who), f"**✗** {text}" if row.failed else text, *([_cell(row.next)] if more else [])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _told(host: str, value: object) -> tuple[str, str]:
    """What it says without its own name, and the next action of an error."""
    if isinstance(value, RunbookError):
        what = value.what.removeprefix(f"{host}: ")
        return "\n".join([what, *(f"    {line}" for line in value.tail.splitlines())]), value.next
    said = getattr(value, "said", None)   # a command's result: what it printed, not how long it took
    return (said if isinstance(said, str) else str(value).removeprefix(f"{host}: ")), ""


def _alike(host: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """An error's words without what tells one host's from the next one's: its name, and how long it took."""
    own = re.compile(rf"(?<![\w.-]){re.escape(host)}(?![\w-])")
    return tuple(re.sub(r"\b\d+\.\d s\b", "… s", own.sub("HOST", text)) for text in words)


def _next(row: OddRow) -> list[str]:
    return [f"  next: {row.next}"] if row.next else []


_MARKUP = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]|~#"} | {"$": "<span>&#36;</span>"})
"""A dollar alone in its element is no beginning of a formula to JupyterLab, which sees one even behind a backslash."""


def _cell(text: str) -> str:
    return "<br>".join(html.escape(line, quote=False).translate(_MARKUP) for line in text.splitlines())
