"""The timeline of a run: what ran on which host and when, for plotly and, without any script, as SVG."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runbook.entries import Span as Told
from runbook.report.account import Account, between, seconds_of
from runbook.show.figures import Span

WIDTH, LEFT, ROW, TOP = 1000.0, 110.0, 34.0, 14.0
NARROWEST = 1.6  # a shorter bar would not be seen


@dataclass(frozen=True)
class Bar:
    """One rectangle of the SVG."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True)
class Gantt:
    """The SVG's parts: rows with their names, bars, and ticks with their seconds."""

    rows: tuple[tuple[str, float], ...]
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    height: float
    width: float = WIDTH


def spans_of(account: Account, chapters: str, here: str) -> Iterator[Span]:
    """Chapters as one row, then everything that took time on a host; `here` names work without a host."""
    for seen in account.chapters.values():
        if seen.seconds:
            start = between(account.started, seen.started)
            yield Span(chapters, start, seen.seconds, "chapter", seen.name, str(seen.state))
    for seen in account.chapters.values():
        for told in seen.work:
            if told.end is not None:
                start = between(account.started, told.begin.time)
                failed = "fail" if told.end.get("error") or told.end.get("state") == "failed" else ""
                yield Span(told.begin.host or here, start, seconds_of(told), told.begin.kind, text_of(told), failed)


def text_of(told: Told, longest: int = 120) -> str:
    """What a step, a command or a transfer was, in one line."""
    begin = told.begin
    if begin.kind == "step":
        text = str(begin.get("why", ""))
    elif begin.kind == "transfer":
        text = f"{begin.get('source') or '…'} → {begin.get('target')}"
    elif questions := begin.get("questions"):
        names = ", ".join(str(one["name"]).replace("_", " ") for one in questions)  # type: ignore[attr-defined]
        text = f"asks: {names}"
    else:
        text = ("sudo " if begin.get("sudo") else "") + " ".join(line_of(begin.get("words")).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def line_of(words: object) -> str:
    """A command's words as a person would type them; of `sh -c TEXT sh` only the text, and its arguments."""
    return "  ".join(part for part in script_of(words) if part)


def script_of(words: object) -> tuple[str, str]:
    """The text of `sh -c TEXT sh ARGUMENT …` and, as a comment, its arguments; any other command, and nothing."""
    if not isinstance(words, Sequence) or isinstance(words, str):
        return str(words or ""), ""
    plain = [str(word) for word in words]
    if plain[:2] == ["sh", "-c"] and len(plain) > 2:
        return plain[2], f"# {shlex.join(plain[4:])}" if len(plain) > 4 else ""
    return shlex.join(plain), ""


def gantt(spans: Sequence[Span]) -> Gantt:
    """The same spans as rectangles."""
    names = list(dict.fromkeys(span.host for span in spans))
    last = max((span.start + span.seconds for span in spans), default=1.0) or 1.0
    scale = (WIDTH - LEFT - 20) / last
    top = {name: TOP + ROW * place for place, name in enumerate(names)}
    bars = []
    for span in sorted(spans, key=lambda span: -span.seconds):
        inset = {"chapter": 5.0, "step": 5.0}.get(span.kind, 11.0)
        kind = "fail" if span.state in ("fail", "failed") else span.kind
        bars.append(
            Bar(
                round(LEFT + span.start * scale, 2),
                top[span.host] + inset,
                round(max(span.seconds * scale, NARROWEST), 2),
                ROW - 2 * inset,
                kind,
                f"{span.text}: {span.seconds:.2f} s",
            )
        )
    step = tick_of(last)
    ticks = [(round(LEFT + number * step * scale, 2), f"{number * step:g}") for number in range(int(last / step) + 1)]
    return Gantt(
        tuple((name, top[name] + ROW / 2) for name in names),
        tuple(bars),
        tuple(ticks),
        TOP + ROW * len(names) + 26,
    )


def tick_of(seconds: float) -> float:
    """A round distance of ticks that gives five to twelve of them."""
    step = 0.1
    for factor in (1, 2, 5, 10, 20, 50, 100, 300, 600, 1200, 3000, 6000, 18000, 36000, 72000, 360000):
        step = factor / 10
        if seconds / step <= 12:
            break
    return step
