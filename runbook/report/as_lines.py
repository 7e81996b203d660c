"""Progress for machines: one JSON object a line, each an event; docs/progress-lines.md has the fields."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from runbook.as_json import rfc3339
from runbook.contents import Title
from runbook.remote.secret import KNOWN
from runbook.report.summary import Summary

FIELDS: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "said": {"text": str},
    "plan": {"chapters": list},
    "chapter-begin": {"chapter": str, "asks": str},
    "verb": {"chapter": str, "verb": str},
    "step": {"chapter": str, "host": (str, type(None)), "why": str, "line": int},
    "verdict": {"chapter": str, "host": (str, type(None)), "what": str, "state": str, "reason": str, "line": int},
    "chapter-end": {"chapter": str, "state": str, "reason": str, "seconds": (int, float)},
    "summary": {"exit_code": int, "report": str, "summary": dict},
}
"""Every event with its own fields; `line` is the journal's, which has everything else."""


class Lines:
    """One line an event, on standard output: nothing else is printed there."""

    def __init__(self, out: IO[str] | None = None) -> None:
        self._out = out or sys.stdout

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *error: object) -> None:
        self._out.flush()

    def say(self, text: str) -> None:
        self._put("said", text=text.strip())

    def plan(self, titles: Sequence[Title]) -> None:
        self._put("plan", chapters=[title.name for title in titles])

    def begin(self, title: Title) -> None:
        self._put("chapter-begin", chapter=title.name, asks=title.asks)

    def news(self, line: Mapping[str, object]) -> None:
        """Verbs, steps and verdicts; commands are many, and stand in the journal."""
        chapter, kind = str(line.get("chapter") or ""), line.get("kind")
        if kind == "note" and line.get("about") == "verb":
            self._put("verb", chapter=chapter, verb=str(line.get("text")))
        elif kind == "step" and line.get("phase") == "begin":
            self._put("step", chapter=chapter, host=line.get("host"), why=str(line.get("why")), line=line.get("seq"))
        elif kind == "verdict":
            told = {name: str(line.get(name) or "") for name in ("what", "state", "reason")}
            self._put("verdict", chapter=chapter, host=line.get("host"), **told, line=line.get("seq"))

    def tick(self) -> None:
        """A machine has its own clock."""

    def end(self, title: Title, state: str, reason: str, seconds: float) -> None:
        self._put("chapter-end", chapter=title.name, state=state, reason=reason, seconds=round(seconds, 3))

    def _put(self, event: str, **fields: object) -> None:
        print(line_of(event, **fields), file=self._out, flush=True)


def line_of(event: str, **fields: object) -> str:
    """The line of an event, its texts masked. Raises KeyError for one that is not documented."""
    assert fields.keys() == FIELDS[event].keys(), (event, fields.keys())
    shown = {name: KNOWN.mask(value) if isinstance(value, str) else value for name, value in fields.items()}
    now = rfc3339(datetime.now(UTC).replace(microsecond=0))
    return json.dumps({"event": event, "time": now, **shown}, ensure_ascii=False)


def ended(summary: Summary, page: Path, exit_code: int) -> str:
    """The last line: what summary.json has, the report's path, and the code that the command ends with."""
    return line_of("summary", exit_code=exit_code, report=str(page), summary=summary.to_dict())
