"""Going on with a run: what was asked of it, by its journal alone, and an end to what a killed chain left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from runbook.consent import KERNEL
from runbook.entries import Entry
from runbook.errors import ParameterError, RunbookError
from runbook.report.selection import Asked
from runbook.run import RUN_VARIABLE, Run

ASKED = "asked"
END_SECONDS = 5.0  # for the kernel of the machine to take a killed process away
PROC = Path("/proc")


def remember(run: Run, asked: Asked) -> None:
    """Tells the journal what is asked, so that a resumed run goes on with the same. A confirmation is not kept.

    Chapters that are named when a run goes on are done then; what the run is to come to stays what it was begun for.
    """
    told = run.entries()
    first = _before(told) if any(one.get("about") == ASKED for one in told) else asked
    values = [*asked.kept, *asked.values]
    run.journal.write("note", about=ASKED, only=list(first.only), from_=first.from_, values=values)


def asked_again(run: Run, now: Asked) -> Asked:
    """What a resumed run is asked: as before where `now` names no chapters, its values added to those of before.

    A check stays a check. Raises ParameterError where a run that acts is asked for one.
    """
    told = run.entries()
    checked = any(one.kind == "run" and one.get("mode") == "check" for one in told)
    if now.check and not checked:
        raise ParameterError(
            f"run {run.name} acts: check mode belongs to a run from its start",
            next="leave --resume out: a check is a run of its own",
        )
    before = _before(told)
    if now.only or now.from_:
        return replace(now, check=checked, kept=before.values)
    return Asked(before.only, before.from_, checked, now.confirm, now.values, kept=before.values,
                 afresh=now.afresh, cell_seconds=now.cell_seconds, resumed=True)


def _before(told: Iterable[Entry]) -> Asked:
    notes = [one for one in told if one.kind == "note" and one.get("about") == ASKED]
    if not notes:
        return Asked()
    last = notes[-1]
    return Asked(only=_texts(last.get("only")), from_=str(last.get("from_") or ""), values=_texts(last.get("values")))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, Sequence) and not isinstance(value, str) else ()


def end_left(run: Run) -> tuple[int, ...]:
    """Kills the kernels, and what they started, that outlived a chain of this run which was killed.

    A process is one of them where it is in the group of a kernel that the journal names and has this run in its
    environment: a number that another process has by now is left alone. Returns the process ids. Raises RunbookError
    where one does not go.
    """
    groups = {one.get("pid") for one in run.entries() if one.kind == "note" and one.get("about") == KERNEL}
    found = tuple(_members(groups, f"{RUN_VARIABLE}={run.name}"))
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + END_SECONDS
    while left := [pid for pid in found if _group_of(pid) in groups]:
        if time.monotonic() > until:
            raise RunbookError(f"process {left[0]} of {run.name} does not end", next=f"look at it: ps -fp {left[0]}")
        time.sleep(0.02)
    if found:
        run.journal.write("note", about="left", text=f"{len(found)} processes of a killed chain were ended")
    return found


def _members(groups: Iterable[object], mark: str) -> Iterator[int]:
    wanted = set(groups)
    for folder in PROC.glob("[0-9]*") if wanted else ():
        pid = int(folder.name)
        if _group_of(pid) in wanted:
            with contextlib.suppress(OSError):
                if mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    yield pid


def _group_of(pid: int) -> int | None:
    """The process group, None where there is no such process, or only its remains."""
    try:
        state, _, group, *_ = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if state == "Z" else int(group)
