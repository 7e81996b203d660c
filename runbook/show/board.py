"""A board of hosts x steps that fills as a verb works: told by the journal's lines, shown as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from runbook.diff import VERBATIM
from runbook.show.style import STYLE, kind, mark, word
from runbook.show.under_way import under_way

WIDEST = 8  # steps that have a column of their own; more are told as a count
WELL = ("applied", "unchanged", "pending")
VERBS = ("observe", "decide", "act", "verify", "record")


class Board:
    """One verb at work. `plans` has the reasons of each host's steps in their order, and is empty for other work."""

    def __init__(self, chapter: str, verb: str, hosts: Sequence[str], plans: Mapping[str, Sequence[str]],
                 done: Sequence[str] = ()) -> None:
        self._chapter = chapter
        self._verb = verb
        self._done = tuple(one for one in done if one != verb)
        self._plans = {host: list(steps) for host, steps in plans.items()}
        self._states = {host: ["waiting"] * len(steps) for host, steps in self._plans.items()}
        self._begun: dict[int, tuple[str, int]] = {}
        self._next = dict.fromkeys(self._plans, 0)
        self._doing: dict[str, str] = dict.fromkeys(self._plans or hosts, "")
        self._commands: dict[str, int] = {}
        self.state = "now"  # done, failed or stopped when the verb has ended

    def news(self, line: Mapping[str, object]) -> None:
        """Takes in one line of the journal, as it was written."""
        if line.get("kind") == "step":
            self._step(line)
        found = under_way(line)
        if found is not None:
            host, doing = found
            self._doing[host] = doing
            if not doing:
                self._commands[host] = self._commands.get(host, 0) + 1

    def _step(self, line: Mapping[str, object]) -> None:
        host, at = str(line.get("host")), self._next.get(str(line.get("host")), 0)
        if line.get("phase") == "begin" and "undoes" not in line and at < len(self._states.get(host, ())):
            self._begun[int(str(line["seq"]))] = host, at
            self._states[host][at] = "now"
            self._next[host] = at + 1
        elif line.get("phase") == "end" and line.get("begin") in self._begun:
            host, at = self._begun.pop(int(str(line["begin"])))
            self._states[host][at] = "stopped" if line.get("interrupted") else str(line.get("state"))
            self._doing[host] = ""

    def end(self, state: str) -> None:
        """The verb has ended: `done`, `failed` or `stopped`; what was under way did not succeed."""
        self.state = state
        for states in self._states.values():
            states[:] = [("stopped" if state == "stopped" else "failed") if one == "now" else one for one in states]
        self._doing = dict.fromkeys(self._doing, "")

    @property
    def share(self) -> float:
        """How much of the plan has ended, 0 to 1; without a plan 0 until all has."""
        every = [state for states in self._states.values() for state in states]
        if not every:
            return float(self.state == "done")
        return sum(state in WELL for state in every) / len(every)

    def html(self, seconds: float) -> str:
        """The board after `seconds` of work."""
        end = "" if self.state == "now" else f'<span class="rb-end">{mark(self.state)}{word(self.state)}</span>'
        verbs = "".join(self._chip(verb) for verb in VERBS)
        head = (f'<div class="rb-head"><b>{escape(self._chapter)}</b><ol class="rb-verbs">{verbs}</ol>'
                f'<span class="rb-time">{escape(self._count())}{seconds:.0f} s</span>{end}</div>')
        tone = "" if self.state == "now" else kind(self.state)
        bar = f'<div class="rb-bar {tone}"><i style="width:{100 * self.share:.1f}%"></i></div>'
        return (f'{STYLE}<div class="rb {VERBATIM} rb-card" data-state="{self.state}">{head}{bar}'
                f'<div class="rb-scroll">{self._table()}</div></div>')

    def _chip(self, verb: str) -> str:
        state = self.state if verb == self._verb else "done" if verb in self._done else "waiting"
        said = f' aria-label="{verb}: {word(state)}"'
        return f'<li class="{kind(state)}"{said}>{mark(state)}{verb}</li>'

    def _count(self) -> str:
        every = [state for states in self._states.values() for state in states]
        if not every:
            return ""
        return f"{sum(state in WELL for state in every)} of {len(every)} steps · "

    def _table(self) -> str:
        columns = list(dict.fromkeys(why for steps in self._plans.values() for why in steps))
        wide = len(columns) > WIDEST
        heads = ["steps"] if wide else columns
        top = "".join(f'<th scope="col">{escape(one)}</th>' for one in ["", *(heads or ["commands"]), ""])
        rows = "".join(
            f'<tr data-host="{escape(host)}"><th scope="row">{escape(host)}</th>'
            + self._cells(host, columns, wide)
            + f'<td class="rb-doing">{escape(doing)}</td></tr>'
            for host, doing in tuple(self._doing.items()))
        return f'<table class="rb-t"><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table>'

    def _cells(self, host: str, columns: Sequence[str], wide: bool) -> str:
        if host not in self._plans or not columns:
            count = self._commands.get(host, 0)
            state = "now" if self._doing.get(host) else "done" if count else "waiting"
            cells = _cell(state, f"{count} done" if count else "")
            return cells + '<td></td>' * (0 if wide or not columns else len(columns) - 1)
        steps, states = self._plans[host], self._states[host]
        if not steps:
            return '<td class="rb-none">as wanted</td>' + "<td></td>" * (0 if wide else len(columns) - 1)
        if wide:
            ended = sum(state in WELL for state in states)
            last = next((one for one in ("failed", "stopped", "now") if one in states), "")
            return _cell(last or (states[-1] if ended == len(states) else "waiting"), f"{ended} of {len(states)}")
        return "".join(_cell(states[steps.index(why)]) if why in steps else '<td class="rb-none">—</td>'
                       for why in columns)


def _cell(state: str, told: str = "") -> str:
    return f'<td class="rb-s {kind(state)}" data-state="{escape(state)}">{mark(state)}{told or word(state)}</td>'
