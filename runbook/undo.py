"""Undo: what a run changed is taken back, from its journal alone, newest first, never over others' work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runbook.action import Run, action_of
from runbook.entries import Entry, spans
from runbook.errors import ConnectionLost, Interrupted, RunbookError, UndoRefused, Unreachable
from runbook.journal import Journal
from runbook.preimage import Keeper, steps_kept, tidy
from runbook.remote.fleet import Fleet
from runbook.remote.shell import Shell
from runbook.restore import Taken, take_back

GONE = (Unreachable, ConnectionLost, Interrupted)  # after these the host's other steps need not be tried


@dataclass(frozen=True)
class Standing:
    """A step whose change stands on its host; `half` where it was interrupted, or failed and stayed so.

    `begun` where an undo of it was interrupted: some of it may be back already.
    """

    host: str
    seq: int  # of its begin in the journal
    chapter: str | None
    run: str
    raw: Mapping[str, object]
    end: Mapping[str, object]
    half: bool
    begun: bool = False

    @property
    def why(self) -> str:
        return str(self.raw["why"])

    def __str__(self) -> str:
        return f"{self.host}: {self.why}"


@dataclass(frozen=True)
class Undone:
    """What became of one step: undone, left (it has no undo), refused or failed, these with the error."""

    host: str
    seq: int
    why: str
    state: str
    error: RunbookError | None = None

    @property
    def ok(self) -> bool:
        return self.error is None

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.host}: {self.state}: {self.why}: {self.error.what}"
        words = {"undone": "taken back", "left": "stays, it has no undo"}
        return f"{self.host}: {words[self.state]}: {self.why}"


def standing(entries: Iterable[Entry], chapter: str | None = None) -> tuple[Standing, ...]:
    """The steps of a run, or of one of its chapters, whose changes have not been taken back; newest first."""
    steps = spans(entries, "step")
    begun = {span.begin.get("undoes") for span in steps if span.end is None or span.end.get("interrupted")}
    undone = {span.begin.get("undoes") for span in steps if span.end and span.end["state"] == "applied"}
    found = []
    for span in steps:
        begin, end = span.begin, span.end.fields if span.end else {}
        if "undoes" in begin.fields or begin.get("check") or begin.seq in undone or begin.host is None:
            continue
        if chapter not in (None, begin.chapter):
            continue
        half = span.end is None or (end["state"] == "failed" and not end.get("taken_back"))
        if half or (end["state"] == "applied" and end["changed"]):
            run = str(begin["run"])
            found.append(Standing(begin.host, begin.seq, begin.chapter, run, begin.fields, end, half,
                                  begun=begin.seq in begun))
    return tuple(reversed(found))


def changes_by_host(entries: Iterable[Entry], chapter: str | None = None) -> dict[str, int]:
    """What a run, or one of its chapters, altered on each host that it has steps of.

    Undo does not count, nor do drills, which restore what they disturbed.
    """
    changes: dict[str, int] = {}
    for span in spans(entries, "step"):
        begin, end = span.begin, span.end
        if begin.host is None or "undoes" in begin.fields or chapter not in (None, begin.chapter):
            continue
        uncounted = begin.get("check") or begin.get("drill")
        altered = end is not None and end["state"] in ("applied", "failed") and not uncounted
        count = int(str(end["changed"])) if altered and end else 0
        changes[begin.host] = changes.get(begin.host, 0) + count
    return changes


def undo(entries: Iterable[Entry], fleet: Fleet, journal: Journal, *,
         chapter: str | None = None) -> tuple[Undone, ...]:
    """Takes back all that stands of a run, or of one chapter: newest first on each host, hosts side by side.

    Needs the journal's entries and what is kept on the hosts, nothing else. One step's refusal or failure
    hides no other's; what it needs stays on its host for the next undo. Empty where nothing stands.
    """
    by_host: dict[str, list[Standing]] = {}
    for step in standing(entries, chapter):
        by_host.setdefault(step.host, []).append(step)
    here = [host for host in by_host if host in fleet.names]
    if not by_host:
        return ()
    outcomes = fleet.only(*here).each(lambda shell: _undo_host(by_host[shell.name], shell, journal))
    found: list[Undone] = []
    for host, steps in by_host.items():
        if host not in here:
            error = RunbookError(f"{host}: not among these hosts", next="undo on all hosts of the run's site")
        elif host in outcomes.errors:
            error = outcomes.errors[host]
        else:
            found += outcomes[host]
            continue
        found += [Undone(host, step.seq, step.why, "failed", error) for step in steps]
    return tuple(found)


def _undo_host(steps: list[Standing], shell: Shell, journal: Journal) -> tuple[Undone, ...]:
    kept = {run: steps_kept(shell, run) for run in {step.run for step in steps}}
    found: list[Undone] = []
    for step in steps:
        gone = next((one.error for one in found if isinstance(one.error, GONE)), None)
        if gone is not None:
            found.append(Undone(step.host, step.seq, step.why, "failed", gone))
        else:
            found.append(_undo_step(step, shell, journal, step.seq in kept[step.run]))
    return tuple(found)


def _undo_step(standing: Standing, shell: Shell, journal: Journal, kept: bool) -> Undone:
    raw, why = standing.raw, f"take back: {standing.why}"
    begin = journal.begin("step", standing.host, why=why, do=raw["undo"], undo=[], diff="", id=raw["id"],
                          run=standing.run, undoes=standing.seq, check=False)
    try:
        outcome = take_back(_taken(standing, kept), shell)
        if kept or standing.begun:  # before the end is told: a step that counts as undone has nothing left on its host
            shell.run(tidy(standing.run, standing.seq))
    except RunbookError as error:
        state = "refused" if isinstance(error, UndoRefused) else "failed"
        journal.end(begin, state="failed", changed=0, written={}, error=str(error),
                    interrupted=isinstance(error, Interrupted))
        return Undone(standing.host, standing.seq, standing.why, state, error)
    except BaseException as error:
        journal.end(begin, state="failed", changed=0, written={}, error=type(error).__name__, interrupted=True)
        raise
    journal.end(begin, state="applied", changed=outcome.changed, written={}, said_no=outcome.said_no)
    return Undone(standing.host, standing.seq, standing.why, "undone" if raw["undo"] else "left")


def _taken(standing: Standing, kept: bool) -> Taken:
    """The step as the journal has it; of a half-done one nothing is run unless it had begun on the host.

    One whose undo was interrupted is like a half-done one: what its undo stops may be stopped and gone already.
    """
    do: list[dict[str, object]] = standing.raw["do"]  # type: ignore[assignment]
    back = tuple(map(action_of, standing.raw["undo"]))  # type: ignore[call-overload]
    if standing.half and not kept and do[0]["action"] != Run.name:
        back = tuple(action for action in back if not isinstance(action, Run))
    written: dict[str, str] = standing.end.get("written", {})  # type: ignore[assignment]
    before: dict[str, str] = standing.end.get("kept", {})  # type: ignore[assignment]
    return Taken(Keeper(standing.run, standing.seq), do, back, written, before,
                 standing.half or standing.begun)
