"""Old runs away: all but the newest, never the newest good one of a site, nor one that still means something."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook.entries import entries
from runbook.errors import LockHeld, ParameterError, RunbookError, UsageError
from runbook.report.account import account_of
from runbook.report.words import shown_figure
from runbook.run import Run, reports
from runbook.undo import standing


@dataclass(frozen=True)
class Old:
    """A run as its journal tells it: whether it passed, and why it must stay in any case."""

    folder: Path
    site: str
    good: bool
    stays: str = ""

    def __str__(self) -> str:
        return f"{self.folder.name}{f': {self.stays}' if self.stays else ''}"


@dataclass(frozen=True)
class Pruned:
    """What was removed, what was kept though it is old, and the bytes that came free."""

    removed: tuple[Old, ...]
    kept: tuple[Old, ...]
    size: int

    def __str__(self) -> str:
        count = f"{len(self.removed)} run{'s' * (len(self.removed) != 1)} removed, {shown_figure(self.size, 'bytes')}"
        return "\n".join([count, *(f"  removed {old.folder.name}" for old in self.removed),
                          *(f"  kept {old}" for old in self.kept)])


def to_remove(runs: Iterable[Old], keep: int) -> tuple[list[Old], list[Old]]:
    """Of runs, newest first: those that may go, and those beyond the newest `keep` of their site that stay."""
    seen: dict[str, int] = {}
    good: set[str] = set()
    going, staying = [], []
    for run in runs:
        seen[run.site] = seen.get(run.site, 0) + 1
        newest_good = run.good and run.site not in good
        good |= {run.site} if run.good else set()
        if seen[run.site] <= keep:
            continue
        if newest_good:
            staying.append(Old(run.folder, run.site, True, "the newest of its site that passed"))
        else:
            (staying if run.stays else going).append(run)
    return going, staying


def prune(keep: int) -> Pruned:
    """Removes all runs but the newest `keep` of each site; see `to_remove`, and `why_it_stays`.

    Raises ParameterError, and UsageError where a folder cannot be removed.
    """
    if keep < 1:
        raise ParameterError(f"--keep {keep}: expected 1 or more", next="`runbook prune --keep 10`")
    going, staying = to_remove(old_runs(), keep)
    size, removed = 0, []
    for old in going:
        try:
            with Run(old.folder).alone():
                size += sum(path.lstat().st_size for path in old.folder.rglob("*") if not path.is_symlink())
                shutil.rmtree(old.folder)
        except LockHeld as error:
            staying.append(Old(old.folder, old.site, old.good, error.what))
            continue
        except OSError as error:
            raise UsageError(f"{old.folder}: {error.strerror}", next="make it writable, then prune again") from error
        removed.append(old)
    return Pruned(tuple(removed), tuple(staying), size)


def old_runs() -> Iterator[Old]:
    """Every run, newest first; the name of a folder says its time and its site."""
    folders = {path.parent for path in reports().glob("*/journal.jsonl") if not path.parent.is_symlink()}
    for folder in sorted(folders, reverse=True):
        site = folder.name.partition("-")[2].partition("-")[2]
        try:
            told = entries(folder / "journal.jsonl")
        except RunbookError as error:
            yield Old(folder, site, False, f"its journal does not hold: {error.what}")
            continue
        account, left = account_of(told), len(standing(told))
        yield Old(folder, site, account.state == "passed" and account.mode == "act",
                  why_it_stays(account.open, left))


def why_it_stays(is_open: bool, left: int) -> str:
    """A run that has not ended can be resumed; without the journal, what it changed could not be taken back."""
    if is_open:
        return "it has not ended"
    return f"{left} of its steps stand on hosts: its journal can take them back" if left else ""
