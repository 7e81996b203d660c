"""What of a run still stands on its hosts, and what lies now where it wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

from runbook.entries import Entry, spans
from runbook.preimage_scripts import WORDS
from runbook.remote.command import Script
from runbook.remote.question import Question
from runbook.show.tables import table
from runbook.undo import Standing, standing


@dataclass(frozen=True, repr=False)
class Remaining:
    """The steps of a run that nobody has taken back yet, newest first."""

    steps: tuple[Standing, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(sorted({step.host for step in self.steps}))

    def __bool__(self) -> bool:
        return bool(self.steps)

    def __repr__(self) -> str:
        chapters: dict[str, set[str]] = {host: set() for host in self.hosts}
        for step in self.steps:
            chapters[step.host].add(step.chapter or "")
        lines = (f"{host}: changes of {', '.join(sorted(names))} stand" for host, names in chapters.items())
        return "\n".join(lines) or "nothing stands: there is nothing to take back"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return table(("host", "chapter", "what stands"), (
            (escape(step.host), escape(step.chapter or ""), escape(step.why)) for step in self.steps))


def remaining(entries: Iterable[Entry], hosts: Iterable[str], chapter: str = "") -> Remaining:
    """What stands on these hosts, of the whole run or of one of its chapters."""
    here = set(hosts)
    return Remaining(tuple(step for step in standing(entries, chapter or None) if step.host in here))


def before(entries: Iterable[Entry], host: str, chapter: str = "") -> Mapping[str, str]:
    """Every path that a run, or one of its chapters, wrote on a host, with what was there before it first did.

    That is its kind, mode, owner and SHA-256; what was in place of a secret is not in the journal, and left out.
    """
    found: dict[str, str] = {}
    for span in spans(entries, "step"):
        if span.end is None or span.begin.host != host or "undoes" in span.begin.fields:
            continue
        if chapter and span.begin.chapter != chapter:
            continue
        kept = span.end.get("kept")
        for path, was in (kept.items() if isinstance(kept, dict) else ()):
            found.setdefault(path, str(was))
    return {path: was for path, was in found.items() if was}


@dataclass(frozen=True)
class Traces:
    """What lies now at some paths, and whether the run's folder or its lock is still on the host."""

    now: tuple[str, ...]              # kind, mode, owner and SHA-256, in the order of the paths asked for
    run_folder: bool
    lock: bool


def traces(run: str, paths: Iterable[str]) -> Question[Traces]:
    """Asks what is at the paths now, in the words in which their pre-images were noted."""
    return Question(Script(TRACES, (run, *paths), sudo=True), parse_traces)


TRACES = WORDS + r"""
test -e "/var/lib/runbook/$1" && echo folder-there || echo folder-gone
grep -qsF "$1" /var/lib/runbook/lock && echo lock-there || echo lock-gone
shift
for path do state "$path"; echo; done
"""


def parse_traces(text: str) -> Traces:
    folder, lock, *now = text.splitlines()
    return Traces(tuple(now), folder == "folder-there", lock == "lock-there")
