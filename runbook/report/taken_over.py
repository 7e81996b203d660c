"""A chapter that only measures, taken over from an earlier run where all that it stands on is the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runbook.chapters.signing.keys import FOLDER, TRUST, inherit
from runbook.contents import TEARDOWN, Title
from runbook.digest import sha256_of
from runbook.entries import Entry, Span, spans
from runbook.lasting import LASTS, STANDS
from runbook.report.ground import Parts, differences, ground_of, identities, with_all_needs
from runbook.run import Run, all_runs
from runbook.verdict import State

GROUND = "ground"
"""How the journal's note of what a chapter stood on is called; its `text` is the chapter, its `parts` are all of it."""

TOLD = ("verdict", "claim")
NOTES = ("fact", "artifact", "picture")
"""The lines that say what a chapter found; how it went about it stays where it was done."""


@dataclass(frozen=True)
class Found:
    """An earlier measurement of a chapter: the run that holds it, and where and when it was measured first."""

    run: Run
    chapter: Span
    measured_in: str
    measured: datetime

    def __str__(self) -> str:
        return f"taken over from {self.measured_in}: nothing that it stands on has changed"


@dataclass(frozen=True)
class Again:
    """Why a chapter is measured; empty where there is nothing that could be taken over."""

    why: str = ""


def earlier(run: Run, title: Title, parts: Parts, now: datetime) -> Found | Again:
    """The last measurement of the site's other runs, or the reason to measure again."""
    for other in all_runs(run.site.name):
        if other.name == run.name:
            continue
        told = other.entries()
        ended = [span for span in spans(told, "chapter")
                 if span.begin.chapter == title.name and span.end and not _only_checked(span)]
        if ended:
            found = _found(other, ended[-1])
            return Again(why) if (why := _why_not(found, told, parts, now)) else _unless_changed(run, title, found)
    return Again()


def take_over(found: Found, run: Run, title: Title) -> str | None:
    """Tells this run's journal what was measured, with its artefacts and its notebook; returns the reason told.

    None where an artefact is no longer what it was, or was signed by a key that has expired: nothing is taken over
    then.
    """
    lines = list(_lines(found.run.entries(), found.chapter))
    kept = [line for line in lines if line.get("about") == "artifact"]
    if not all(_whole(found.run.folder, line) for line in kept):
        return None
    signed = any(line.get("name") == TRUST for line in kept)
    if signed and not inherit(found.run.folder / FOLDER, run.folder / FOLDER, datetime.now(UTC)):
        return None
    for line in kept:
        path = str(line["path"])
        (run.folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found.run.folder / path, run.folder / path)
    _copy_notebook(found, run.folder / "notebooks" / f"{title.name}.ipynb")
    origin = {"run": found.measured_in, "time": found.measured.isoformat()}
    journal = run.journal
    journal.chapter = title.name
    try:
        begin = journal.begin("chapter", parameters=found.chapter.begin.get("parameters"), taken_over=origin)
        for line in lines:
            more = {"span": (begin, begin)} if line.kind == "verdict" else {}
            journal.write(line.kind, line.host, **{**line.fields, **more, "from_line": line.seq})
        journal.end(begin, state=str(State.PASS), reason=str(found))
    finally:
        journal.chapter = None
    return str(found)


def _only_checked(chapter: Span) -> bool:
    given = chapter.begin.get("parameters")
    return isinstance(given, Mapping) and bool(given.get("check"))


def _found(run: Run, chapter: Span) -> Found:
    origin = chapter.begin.get("taken_over")
    first = origin if isinstance(origin, Mapping) else {"run": run.name, "time": chapter.begin.time}
    return Found(run, chapter, str(first["run"]), datetime.fromisoformat(str(first["time"])))


def _why_not(found: Found, told: tuple[Entry, ...], parts: Parts, now: datetime) -> str:
    """Why what was found cannot be taken over; empty where it can."""
    assert found.chapter.end is not None
    if found.chapter.end["state"] != State.PASS:
        return f"it ended as {found.chapter.end['state']} in {found.run.name}"
    noted = [one for one in told if one.get("about") == GROUND and one.get("text") == found.chapter.begin.chapter
             and one.seq < found.chapter.begin.seq]
    before = noted[-1]["parts"] if noted else None
    if not isinstance(before, Mapping):
        return f"{found.run.name} does not say what it stood on"
    if others := differences(before, parts):
        return f"{', '.join(others)}: not as in {found.run.name}"
    if now - found.measured > LASTS:
        return f"it was measured more than {LASTS.days} days ago, in {found.measured_in}"
    return ""


def _unless_changed(run: Run, title: Title, found: Found) -> Found | Again:
    """What is measured on something deployed does not outlast a change of any host.

    What a chapter tries stands on its own changes and on those of the chapters that it builds on: a later one's, in
    the very run that tried, are none of its ground.
    """
    if not title.on_what_is_deployed:
        return found
    assert found.chapter.end is not None
    own = {title.name, TEARDOWN, *with_all_needs(title)}
    since = max(found.measured, datetime.fromisoformat(found.chapter.end.time)) if title.tries else found.measured
    for other in all_runs(run.site.name):
        for step in spans(other.entries(), "step"):
            counts = _changed(step) and (not title.tries or step.begin.chapter in own)
            if counts and datetime.fromisoformat(str(step.end and step.end.time)) > since:
                return Again(f"{step.begin.host} was changed since, in {other.name}")
    return found


def _changed(step: Span) -> bool:
    """Whether a step altered something on its host; one that took something back did so too."""
    return step.end is not None and not step.begin.get("check") and bool(step.end.get("changed"))


def _lines(told: tuple[Entry, ...], chapter: Span) -> Iterator[Entry]:
    """What the chapter found, in its order."""
    assert chapter.end is not None
    for entry in told:
        inside = chapter.begin.seq < entry.seq < chapter.end.seq and entry.chapter == chapter.begin.chapter
        if inside and (entry.kind in TOLD or (entry.kind == "note" and entry.get("about") in NOTES)):
            yield entry


def _whole(folder: Path, artifact: Entry) -> bool:
    try:
        return sha256_of(folder / str(artifact["path"])) == artifact["sha256"]
    except OSError:
        return False


def _copy_notebook(found: Found, target: Path) -> None:
    """As it was executed then, which its first cell says."""
    source = found.run.folder / "notebooks" / target.name
    if not source.exists():
        return
    notebook = json.loads(source.read_text())
    said = f"> {str(found).capitalize()}. What is below was executed there, on {found.measured:%Y-%m-%d %H:%M} UTC."
    if notebook["cells"] and notebook["cells"][0].get("id") == "taken-over":
        notebook["cells"].pop(0)
    notebook["cells"].insert(0, {"cell_type": "markdown", "id": "taken-over", "metadata": {}, "source": said})
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")



class TakingOver:
    """Asks for each chapter of a chain whether it can be taken over, and does so."""

    def __init__(self, run: Run, afresh: Container[str], say: Callable[[str], None]) -> None:
        self._run = run
        self._afresh = afresh
        self._say = say
        self._hosts: Parts | None = None

    def reason(self, title: Title, source: Path, parameters: Mapping[str, object]) -> str | None:
        """Why the chapter need not be run, once it was taken over; None where it is to be measured."""
        if not (title.measures or title.tries) or not self._hosts_are_known():
            return None
        self._hosts = self._hosts or identities(self._run)
        parts = ground_of(self._run, title, source, parameters, self._hosts)
        self._run.journal.write("note", about=GROUND, text=title.name, parts=parts)
        found = earlier(self._run, title, parts, datetime.now(UTC))
        again = found.why if isinstance(found, Again) else "it was asked for" if title.name in self._afresh else ""
        if isinstance(found, Found) and not again and title.tries:
            line = found.chapter.begin.seq
            self._run.journal.write("note", about=STANDS, text=title.name, run=found.run.name, line=line)
            return None
        if isinstance(found, Found) and not again:
            reason = take_over(found, self._run, title)
            if reason is not None:
                return reason
            again = f"an artefact of {found.run.name} is no longer what it was, or its signature has expired"
        if again:
            self._run.journal.write("note", about="measured again", text=f"{title.name}: {again}")
            self._say(f"    measured again: {again}")
        return None

    def _hosts_are_known(self) -> bool:
        """Whether this run has seen every host: whoever was not reached at its start is not asked here."""
        known = self._run.facts("uname")
        return all(host.name in known for host in self._run.site.hosts)
