"""The chapters' figures, as they were kept among the artefacts: drawn again on the page, with their tables as text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from markupsafe import Markup

from runbook.report.account import Account

ABOUT = "picture"  # how a chapter notes one


@dataclass(frozen=True)
class Drawn:
    """One figure: `figure` is plotly's JSON, safe inside a script's element; empty where the file is another now."""

    name: str
    chapter: str
    caption: str
    figure: Markup
    rows: tuple[tuple[str, ...], ...]


def pictures(folder: Path, account: Account) -> tuple[Drawn, ...]:
    """The last picture of each name, in the order in which each was drawn first."""
    kept = {str(one.get("name")): one for one in account.notes("artifact")}
    last = {str(note.get("name")): note for note in account.notes(ABOUT)}
    found = []
    for name, note in last.items():
        artifact = kept.get(str(note.get("artifact")))
        figure = _figure(folder / str(artifact.get("path")), str(artifact.get("sha256"))) if artifact else ""
        rows = tuple(rows_of(str(note.get("table") or "")))
        found.append(Drawn(name, note.chapter or "", str(note.get("text") or ""), Markup(figure), rows))
    return tuple(found)


def _figure(path: Path, sha256: str) -> str:
    try:
        data = path.read_bytes()
    except OSError:
        return ""
    if hashlib.sha256(data).hexdigest() != sha256:
        return ""
    return json.dumps(json.loads(data)).replace("<", "\\u003c")  # nothing in it ends the script's element


def rows_of(table: str) -> Iterator[tuple[str, ...]]:
    """The cells of an HTML table as plain text, row by row: what a journal says is never taken for markup."""
    cells = _Cells()
    cells.feed(table)
    yield from (tuple(row) for row in cells.rows if row)


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside and self.rows[-1]:
            self.rows[-1][-1] += data
