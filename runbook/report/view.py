"""What the report's page shows: the account and the summary, arranged for a reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook.contents import CONTENTS, Title
from runbook.entries import Entry, Span
from runbook.report.account import Account, ChapterAccount, changed_by, seconds_of
from runbook.report.excerpts import Excerpt, excerpt, script_excerpt
from runbook.report.gantt import script_of, text_of
from runbook.report.summary import ChapterSummary, ClaimSummary, Summary
from runbook.report.verdict_rows import VerdictRow, verdict_rows
from runbook.verdict import Basis, State, overall

SHORT_SCRIPT = 300  # characters; a longer one is told once, and the others say where
MOST_EVENTS = 400  # of the journal's excerpt; the whole is beside the page
EVENTS = ("run", "chapter", "step", "verdict", "claim", "approval")


@dataclass(frozen=True)
class Told:
    """A command or a transfer with its outcome."""

    seq: int
    host: str
    line: str
    whole: Excerpt | None  # of a transfer there is none
    same_as: int | None  # the line of the journal that shows this script; `whole` are the arguments then
    sudo: bool
    exit_code: int | None
    seconds: float
    error: str
    excerpts: tuple[Excerpt, ...]

    @property
    def state(self) -> str:
        if self.error:
            return "fail"
        return "pass" if self.exit_code in (0, None) else "pending"


@dataclass(frozen=True)
class Change:
    """One step on one host."""

    seq: int
    why: str
    state: str
    changed: int
    diff: tuple[tuple[str, str], ...]
    undoes: int | None


@dataclass(frozen=True)
class HostPlan:
    """What a chapter planned and did on one host."""

    host: str
    changed: int
    because: str
    changes: tuple[Change, ...]

    @property
    def undoing(self) -> bool:
        """Whether all of it takes back what another chapter did."""
        return bool(self.changes) and all(change.undoes is not None for change in self.changes)


@dataclass(frozen=True)
class ChapterView:
    """One chapter as the page shows it."""

    title: Title
    told: ChapterSummary
    rows: tuple[VerdictRow, ...]
    attempts: int
    parameters: Mapping[str, object]
    plans: tuple[HostPlan, ...]
    commands: tuple[Told, ...]
    transfers: tuple[Told, ...]
    notebook: str


def chapters(folder: Path, account: Account, summary: Summary) -> Iterator[ChapterView]:
    """Every chapter, those that never began too."""
    titles = {title.name: title for title in CONTENTS}
    scripts: dict[str, int] = {}
    for told in summary.chapters:
        seen = account.chapters.get(told.name)
        notebook = f"notebooks/{told.name}.ipynb"
        yield ChapterView(
            title=titles[told.name],
            told=told,
            rows=verdict_rows(told.verdicts),
            attempts=seen.attempts if seen else 0,
            parameters=seen.parameters if seen else {},
            plans=tuple(_plans(seen)) if seen else (),
            commands=_told(folder, seen, "command", scripts),
            transfers=_told(folder, seen, "transfer", scripts),
            notebook=notebook if (folder / notebook).exists() else "",
        )


def _plans(seen: ChapterAccount) -> Iterator[HostPlan]:
    """By host: the steps taken, or, where none was, what was planned, or why nothing is to be done."""
    planned = {entry.host: entry for entry in seen.plans if entry.host}
    taken: dict[str, list[Change]] = {}
    for step in seen.of_kind("step"):
        taken.setdefault(step.begin.host or "", []).append(_change(step))
    for host in dict.fromkeys([*planned, *taken]):
        changes = tuple(taken.get(host, ()))
        entry = planned.get(host)
        if not changes and entry is not None and entry.get("diff"):
            changes = (Change(entry.seq, "", "pending", 0, lines_of(str(entry.get("diff"))), None),)
        changed = sum(change.changed for change in changes)
        yield HostPlan(host, changed, str(entry.get("because") or "") if entry else "", changes)


def _change(step: Span) -> Change:
    undoes = step.begin.get("undoes")
    return Change(
        step.begin.seq,
        str(step.begin.get("why", "")),
        str(step.end.get("state", "")) if step.end else "open",
        changed_by(step),
        lines_of(str(step.begin.get("diff") or "")),
        undoes if isinstance(undoes, int) else None,
    )


def lines_of(diff: str) -> tuple[tuple[str, str], ...]:
    """A diff's lines, each with what it is: added, removed, a place, or as it was."""
    kinds = {"+++": "place", "---": "place", "@@": "place"}
    found = []
    for line in diff.splitlines():
        kind = next((kind for start, kind in kinds.items() if line.startswith(start)), "")
        found.append((kind or {"+": "added", "-": "removed"}.get(line[:1], "same"), line))
    return tuple(found)


def _told(folder: Path, seen: ChapterAccount | None, kind: str, scripts: dict[str, int]) -> tuple[Told, ...]:
    """With `scripts`, the line of the journal that told each long text first, which it adds to."""
    found = []
    for span in seen.of_kind(kind) if seen else ():
        end = span.end
        said = [excerpt(folder, stream, end.get(stream)) for stream in ("stdout", "stderr")] if end else []
        code = end.get("exit_code") if end else None
        script, arguments = _script(span) if kind == "command" else ("", "")
        first = scripts.setdefault(script, span.begin.seq) if len(script) > SHORT_SCRIPT else span.begin.seq
        same_as = first if first != span.begin.seq else None
        text = arguments if same_as is not None else f"{script}  {arguments}".rstrip()
        found.append(
            Told(
                seq=span.begin.seq,
                host=span.begin.host or "",
                line=text_of(span, 240),
                whole=script_excerpt(text, f"journal.jsonl:{span.begin.seq}") if text else None,
                same_as=same_as,
                sudo=bool(span.begin.get("sudo")),
                exit_code=code if isinstance(code, int) else None,
                seconds=seconds_of(span),
                error=str(end.get("error") or "") if end else "no end",
                excerpts=tuple(one for one in said if one),
            )
        )
    return tuple(found)


def _script(span: Span) -> tuple[str, str]:
    """A command to read, and as a comment the arguments of a script; of questions each script under its name."""
    questions = span.begin.get("questions")
    if isinstance(questions, list):
        return "\n".join(f"# {one['name']}\n{str(one['script']).rstrip()}" for one in questions), ""
    return script_of(span.begin.get("words"))


def board(summary: Summary) -> dict[str, dict[str, tuple[State, int, int]]]:
    """Each host's state in each chapter, with how many of how many verdicts passed.

    Verdicts without a host are everybody's.
    """
    found: dict[str, dict[str, list[State]]] = {host: {} for host in summary.hosts}
    for chapter, verdict in summary.verdicts:
        for host in found if verdict.host is None else {verdict.host} & set(found):
            found[host].setdefault(chapter.name, []).append(verdict.state)
    return {
        host: {name: (overall(seen), seen.count(State.PASS), len(seen)) for name, seen in of.items()}
        for host, of in found.items()
    }


def events(account: Account) -> tuple[Entry, ...]:
    """Runs, chapters, steps and verdicts, and what ended by an error; the first and the last of very many."""
    told = tuple(one for one in account.entries if one.kind in EVENTS or one.get("error"))
    if len(told) <= MOST_EVENTS:
        return told
    return told[: MOST_EVENTS // 2] + told[-MOST_EVENTS // 2 :]


def about(entry: Entry) -> str:
    """What a line of the journal says, in one line."""
    told = [str(entry.get(name)) for name in ("what", "id", "why", "state", "measured", "error") if entry.get(name)]
    reason = str(entry.get("reason") or "").splitlines()
    if entry.kind == "run" and entry.phase == "begin":
        told = [f"{entry.get('site')}, {entry.get('target')}, {entry.get('mode')}"]
    return ": ".join([*told, *reason[:1]])


def claim_mark(claim: ClaimSummary) -> str:
    """The word of a claim's row: holds, does not hold, undecided, not-measurable or no judge."""
    if claim.state == "judged":
        return {True: "holds", False: "does not hold", None: "undecided"}[claim.holds]
    return "not-measurable" if claim.state == "not-measurable" else "no judge"


def bases(summary: Summary) -> dict[Basis, int]:
    """How many figures were come by in which way."""
    found: dict[Basis, int] = {}
    for _, verdict in summary.verdicts:
        for figure in verdict.figures.values():
            found[figure.basis] = found.get(figure.basis, 0) + 1
    return found


def undone(account: Account) -> int:
    """How many changes were taken back: those of the steps that another step took back."""
    steps = {step.begin.seq: step for seen in account.chapters.values() for step in seen.of_kind("step")}
    back = {
        step.begin.get("undoes")
        for step in steps.values()
        if step.end is not None and step.end.get("state") == "applied"
    }
    return sum(changed_by(step) for seq, step in steps.items() if seq in back)
