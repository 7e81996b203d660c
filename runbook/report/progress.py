"""What a person sees while the chain runs: a live board on a terminal, one line an event elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Protocol

from runbook.contents import Title
from runbook.report.as_lines import Lines
from runbook.show.tables import MARKS
from runbook.show.under_way import says_how_far, under_way

if TYPE_CHECKING:
    from rich.table import Table

STYLES: Mapping[str, str] = {
    "pass": "green",
    "fail": "bold red",
    "blocked": "yellow",
    "skipped": "bright_black",
}


class Progress(Protocol):
    """Told by the chain; `news` is one line of the journal."""

    def __enter__(self) -> Progress: ...

    def __exit__(self, *error: object) -> None: ...

    def say(self, text: str) -> None:
        """A sentence about the whole run."""

    def plan(self, titles: Sequence[Title]) -> None:
        """The chapters that are going to run."""

    def begin(self, title: Title) -> None: ...

    def news(self, line: Mapping[str, object]) -> None: ...

    def tick(self) -> None:
        """Time passes."""

    def end(self, title: Title, state: str, reason: str, seconds: float) -> None: ...


class Plain:
    """One line an event: for logs, pipes and CI."""

    def __init__(self, out: IO[str] | None = None) -> None:
        self._out = out or sys.stderr

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, *error: object) -> None:
        self._out.flush()

    def say(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    def plan(self, titles: Sequence[Title]) -> None:
        self.say(f"{len(titles)} chapter{'s' * (len(titles) != 1)}: " + ", ".join(title.name for title in titles))

    def begin(self, title: Title) -> None:
        self.say(f"· {title.name}: {title.asks}")

    def news(self, line: Mapping[str, object]) -> None:
        host = f"{line['host']}: " if line.get("host") else ""
        if line.get("kind") == "step" and line.get("phase") == "begin":
            self.say(f"    {host}{line.get('why')}")
        elif says_how_far(line):
            self.say(f"    {host}{line.get('text')}")
        elif line.get("kind") == "verdict" and line.get("state") in ("fail", "blocked"):
            self.say(f"    {host}{line.get('what')}: {line.get('state')}, {line.get('reason')}")

    def tick(self) -> None:
        """Nothing moves on paper."""

    def end(self, title: Title, state: str, reason: str, seconds: float) -> None:
        first = reason.splitlines()[0] if reason else ""
        self.say(f"{MARKS.get(state, '·')} {title.name}: {state}, {seconds:.1f} s" + (f": {first}" if first else ""))


class Board:
    """A live table on a terminal: each chapter, and under the running one what each host does now."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._rows: dict[str, tuple[Title, str, str, float]] = {}
        self._running = ""
        self._since = 0.0
        self._verb = ""
        self._hosts: dict[str, str] = {}
        self._live = Live(console=Console(stderr=True), get_renderable=self._table, refresh_per_second=8)

    def __enter__(self) -> Board:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._running = ""
        self._live.stop()

    def say(self, text: str) -> None:
        self._live.console.print(text, highlight=False, markup=False)

    def plan(self, titles: Sequence[Title]) -> None:
        self._rows |= {title.name: (title, "", "", 0.0) for title in titles}

    def begin(self, title: Title) -> None:
        self._rows[title.name] = (title, "", "", 0.0)
        self._running, self._since, self._verb = title.name, time.monotonic(), ""
        self._hosts.clear()

    def news(self, line: Mapping[str, object]) -> None:
        if line.get("kind") == "note" and line.get("about") == "verb":
            self._verb = str(line.get("text"))
        elif found := under_way(line):
            host, doing = found
            if doing:
                self._hosts[host] = doing
            else:
                self._hosts.pop(host, None)

    def tick(self) -> None:
        """The live table refreshes itself."""

    def end(self, title: Title, state: str, reason: str, seconds: float) -> None:
        self._rows[title.name] = (title, state, reason.splitlines()[0] if reason else "", seconds)
        self._running = ""

    def _table(self) -> Table:
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        for name, (title, state, reason, seconds) in self._rows.items():
            if name == self._running:
                mark: object = Spinner("dots", style="cyan")
                taken, told = (
                    f"{time.monotonic() - self._since:.0f} s",
                    Text(self._verb or "starts", style="cyan"),
                )
            else:
                mark = Text(MARKS.get(state, "·"), style=STYLES.get(state, "bright_black"))
                taken = f"{seconds:.1f} s" if state else ""
                told = Text(f"{state} {reason}".strip(), style=STYLES.get(state, ""), overflow="ellipsis")
            table.add_row(mark, Text(name[:2], style="bright_black"), title.title, Text(taken, justify="right"), told)
            for host, doing in tuple(self._hosts.items()) if name == self._running else ():
                table.add_row("", "", Text(host, style="bold"), "", Text(doing, style="bright_black"))
        return table


class Deaf:
    """Any progress, until nobody can be told any more: a closed terminal or a full disk ends no run."""

    def __init__(self, told: Progress) -> None:
        self._told: Progress | None = told

    def _pass(self, name: str, *given: object) -> None:
        try:
            if self._told is not None:
                getattr(self._told, name)(*given)
        except (OSError, ValueError):  # ValueError: the stream was closed
            self._told = None

    def __enter__(self) -> Deaf:
        self._pass("__enter__")
        return self

    def __exit__(self, *error: object) -> None:
        self._pass("__exit__", *error)

    def say(self, text: str) -> None:
        self._pass("say", text)

    def plan(self, titles: Sequence[Title]) -> None:
        self._pass("plan", titles)

    def begin(self, title: Title) -> None:
        self._pass("begin", title)

    def news(self, line: Mapping[str, object]) -> None:
        self._pass("news", line)

    def tick(self) -> None:
        self._pass("tick")

    def end(self, title: Title, state: str, reason: str, seconds: float) -> None:
        self._pass("end", title, state, reason, seconds)


def progress(*, as_json: bool = False) -> Progress:
    """A board where stderr is a terminal, lines where it is not; one JSON object a line on stdout where asked."""
    return Deaf(Lines() if as_json else Board() if sys.stderr.isatty() else Plain())
