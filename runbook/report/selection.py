"""Which chapters are to run, with which values: validated before anything starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook.contents import CONTENTS, TEARDOWN, Title, chain, title_of
from runbook.errors import ParameterError
from runbook.report.notebook import CELL_SECONDS
from runbook.report.parameters import chosen, parameters_of
from runbook.site import ROOT

NOTEBOOKS = ROOT / "notebooks"


@dataclass(frozen=True)
class Asked:
    """What the command line asks of a chain."""

    only: tuple[str, ...] = ()
    from_: str = ""
    check: bool = False
    confirm: str = ""
    values: tuple[str, ...] = ()  # CHAPTER.NAME=VALUE
    kept: tuple[str, ...] = ()  # the same from before, of a resumed run; those of chapters that do not run go unused
    afresh: bool = False  # nothing is taken over from an earlier run
    cell_seconds: float = CELL_SECONDS
    resumed: bool = False  # the chapters are those of before: what has passed is left out


@dataclass(frozen=True)
class Selection:
    """The chapters that run, in order; those that are left out, with why; and each one's own values."""

    titles: tuple[Title, ...]
    left_out: Mapping[str, str]
    values: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    check: bool = False
    confirm: str = ""
    afresh: frozenset[str] = frozenset()  # these are measured, whatever an earlier run has of them
    cell_seconds: float = CELL_SECONDS
    defaults: bool = False  # no parameter is given: the notebooks run as they stand in git

    def source(self, title: Title) -> Path:
        """The notebook in git that is copied into the run."""
        return NOTEBOOKS / f"{title.name}.ipynb"


def select(asked: Asked, passed: Iterable[str] = ()) -> Selection:
    """The chapters that `asked` means in a run where the chapters `passed` have passed already.

    What a chapter builds on comes with it where it has not passed yet; a resumed run leaves out what has passed,
    unless it is asked for by name now. Raises ParameterError for an unknown chapter, parameter or value.
    """
    done = frozenset(passed)
    titles = chain()
    if asked.cell_seconds <= 0:
        raise ParameterError(f"--cell-seconds {asked.cell_seconds:g} is no limit", next="give seconds above 0")
    if asked.only and asked.from_:
        raise ParameterError("--only and --from are both given", next="give one of them")
    if asked.only:
        wanted = {title_of(name).name for name in asked.only} - (done if asked.resumed else set())
    elif asked.from_:
        first = title_of(asked.from_).name
        wanted = {title.name for title in titles if title.name >= first} - (done if asked.resumed else set())
    else:
        wanted = {title.name for title in titles} - done
    if TEARDOWN in wanted:
        raise ParameterError(f"{TEARDOWN} is never part of a chain", next="`runbook undo RUN` runs it")
    runs = with_needs(wanted, done)
    notebooks = {title.name: NOTEBOOKS / f"{title.name}.ipynb" for title in CONTENTS}
    known = {name: parameters_of(path) for name, path in notebooks.items() if name in runs or asked.kept}
    kept, now = chosen(asked.kept, known), chosen(asked.values, {name: known[name] for name in known if name in runs})
    return Selection(
        titles=tuple(title for title in titles if title.name in runs),
        left_out={
            title.name: "it passed in this run already" if title.name in done else "it was not asked for"
            for title in titles
            if title.name not in runs
        },
        values={name: kept.get(name, {}) | now.get(name, {}) for name in runs & (kept.keys() | now.keys())},
        check=asked.check,
        confirm=asked.confirm,
        afresh=frozenset(runs) if asked.afresh else frozenset(title_of(name).name for name in asked.only),
        cell_seconds=asked.cell_seconds,
    )


def teardown(asked: Asked) -> Selection:
    """The last notebook alone, with its own values."""
    known = {TEARDOWN: parameters_of(NOTEBOOKS / f"{TEARDOWN}.ipynb")}
    return Selection((title_of(TEARDOWN),), {}, chosen(asked.values, known), asked.check, asked.confirm)


def with_needs(wanted: Iterable[str], done: Iterable[str]) -> set[str]:
    """The chapters with all that they build on, as far as it has not passed yet."""
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [need for need in title_of(name).needs if need not in done]
    return found
