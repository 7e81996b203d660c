"""What Go's runtime costs: goroutines that start, switch and talk, stacks that grow, collections; each many times."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from runbook import targets
from runbook.chapter import Chapter
from runbook.chapters import pictures
from runbook.chapters.compile.build import HOME, KEEP, build
from runbook.chapters.compile.decide import recipe_for
from runbook.chapters.compile.sources import read_sources
from runbook.chapters.load.spread import Spread
from runbook.chapters.toolchain.passport import Passport
from runbook.chapters.toolchain.programs import SOURCES, TRIALS
from runbook.chapters.visit import visit
from runbook.errors import RemoteError
from runbook.remote.shell import Shell
from runbook.show.picture import Picture
from runbook.show.strips import strips
from runbook.show.tables import table
from runbook.targets import Target
from runbook.verdict import Basis, Figure, Verdict, Verdicts, failed, passed, skipped

PROGRAM = "pace"
RUNS = 12
MILLISECONDS = 15  # of each work in each run; the whole takes a second natively, some four under an emulator
LIMIT = 60.0
WORKS = {"start": "a goroutine starts and ends", "switch": "a switch between two goroutines",
         "channel": "there and back over a channel", "stack": "a goroutine whose stack grows past 64 kB",
         "collection": "a collection with 8 MB alive"}
"""What the program measures, in its order; nanoseconds each."""
LINE = re.compile(r"^pace (\w+) ([\d.]+)$", re.MULTILINE)
WHAT = "what Go's runtime costs"


@dataclass(frozen=True, repr=False)
class Paced:
    """One program on one host: nanoseconds by work, one for each run; or why there are none."""

    host: str
    target: str
    basis: Basis
    runs: Mapping[str, tuple[float, ...]] = field(default_factory=dict, hash=False)
    why: str = ""

    def spread(self, work: str) -> Spread:
        return Spread(self.runs[work])

    @property
    def called(self) -> str:
        return f"{self.target}, {self.basis}"


@dataclass(frozen=True, repr=False)
class Pace:
    """The target's on a host, and this machine's own beside it where that is another one."""

    target: Target
    site: Paced | None  # None: check mode
    own: Paced | None = None

    @property
    def all(self) -> tuple[Paced, ...]:
        return tuple(one for one in (self.site, self.own) if one is not None)

    def __str__(self) -> str:
        if self.site is None:
            return "check mode: no program is put on a host"
        told = [f"{self.target.name}, {self.site.basis}: {self.site.why or 'measured'}"]
        return "\n".join((*told, *([f"this machine's own: {self.own.why or 'measured'}"] if self.own else ())))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(("", "program for", "", "mean, ns", "deviation", "least", "most", "runs"), (
            (f"<b>{escape(title)}</b>", escape(one.target), str(one.basis), f"{spread.mean:,.0f}",
             f"{spread.deviation:,.0f}", f"{spread.range[0]:,.0f}", f"{spread.range[1]:,.0f}", str(len(spread.values)))
            for work, title in WORKS.items() for one in self.all if not one.why for spread in (one.spread(work),)))


def paced(chapter: Chapter, seen: Passport) -> Pace:
    """Built for the target and for this machine, run on the first host and here; nothing stays there."""
    if chapter.check:
        return Pace(chapter.target, None)
    host = chapter.fleet[chapter.fleet.names[0]]
    site = _measured(chapter, seen, chapter.target, host, chapter.basis_for(host.name))
    here = targets.of_machine(os.uname().machine)
    beside = here is not None and here.name != chapter.target.name and seen.go.builds_for(here.goarch)
    own = _measured(chapter, seen, here, chapter.local, Basis.NATIVE) if here is not None and beside else None
    return Pace(chapter.target, site, own)


def _measured(chapter: Chapter, seen: Passport, target: Target, shell: Shell, basis: Basis) -> Paced:
    recipe = recipe_for(PROGRAM, read_sources(SOURCES, PROGRAM), seen.go, target, HOME)
    built = build(recipe, chapter.local, TRIALS, KEEP)
    try:
        came = visit(shell, built.path, str(RUNS), str(MILLISECONDS), limit=LIMIT)
    except RemoteError as error:
        return Paced(shell.name, target.name, basis, why=error.what)
    if came.exit_code:
        return Paced(shell.name, target.name, basis, why=f"{came}: {came.last_words}")
    runs = parse_runs(came.output)
    short = [work for work in WORKS if len(runs.get(work, ())) < RUNS]
    return Paced(shell.name, target.name, basis, runs, f"it told too little of {', '.join(short)}" if short else "")


def parse_runs(text: str) -> dict[str, tuple[float, ...]]:
    """Nanoseconds by work, in the order of the runs."""
    found: dict[str, list[float]] = {}
    for work, value in LINE.findall(text):
        found.setdefault(work, []).append(float(value))
    return {work: tuple(values) for work, values in found.items()}


def picture(chapter: Chapter, pace: Pace) -> Picture:
    """Every run of every work, the target's beside this machine's own."""
    rows = {title: {one.called: one.runs[work] for one in pace.all if not one.why} for work, title in WORKS.items()}
    caption = "what Go's runtime costs, every run a point" + (
        "; what is emulated is the emulator's speed" if any(one.basis is Basis.EMULATED for one in pace.all) else "")
    return pictures.keep(chapter, Picture("toolchain-pace", caption, strips(rows, "ns"), pace._repr_html_()))


def keeps_pace(_: Chapter, pace: Pace) -> Verdicts:
    """Whether everything was measured, with its figures."""
    if pace.site is None:
        return Verdicts((skipped(WHAT, str(pace)),))
    return Verdicts(tuple(_verdict(one, pace.target.name if one is pace.site else "this machine's own")
                          for one in pace.all))


def _verdict(one: Paced, name: str) -> Verdict:
    what, host = f"{WHAT}: {name}", one.host if one.host != "local" else None
    if one.why:
        return failed(what, one.why, host)
    figures = {}
    for work in WORKS:
        spread, key = one.spread(work), f"toolchain.pace.{one.target}.{work}"
        figures[key] = Figure(round(spread.mean, 1), "ns", host, one.basis)
        figures[f"{key}_deviation"] = Figure(round(spread.deviation, 1), "ns", host, one.basis)
    return passed(what, f"{len(WORKS)} works, {RUNS} runs of each, {one.basis}", host, **figures)
