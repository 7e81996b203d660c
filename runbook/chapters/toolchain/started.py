"""Starts side by side, the target's and this machine's own, and what the article says of them."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from runbook.chapters.article import named_architecture, named_in
from runbook.chapters.toolchain.startup import PHASE_MAIN, PHASES, Startup
from runbook.claims.judge import Judgement, judges
from runbook.show.tables import table
from runbook.targets import Target
from runbook.verdict import Basis, Figure, Verdict, Verdicts, failed, passed, skipped

STARTS = "a Go program starts"
CLOSE = 0.1  # of a figure that the article gives without a spread


@dataclass(frozen=True, repr=False)
class Started:
    """The target's start on a host, and this machine's own beside it where that is another one."""

    target: Target
    site: Startup | None  # None: check mode
    own: Startup | None = None

    @property
    def all(self) -> tuple[Startup, ...]:
        return tuple(one for one in (self.site, self.own) if one is not None)

    def __str__(self) -> str:
        if self.site is None:
            return "check mode: no program is put on a host"
        beside = "" if self.own is None else f"\nthis machine's own: {'not measured' if self.own.why else 'measured'}"
        return f"{self.target.name}: {self.site.why or 'measured'}{beside}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(("program for", "", "phase", "mean, ms", "deviation", "least", "most", "starts"), (
            (f"<b>{escape(one.target)}</b>", str(one.basis), escape(title), f"{spread.mean:.2f}",
             f"{spread.deviation:.2f}", f"{spread.range[0]:.2f}", f"{spread.range[1]:.2f}", str(len(spread.values)))
            for one in self.all if not one.why
            for phase, title in PHASES.items() for spread in (one.spread(phase),))) + table(
            ("program for", "after the runtime began, ms", "system calls of a start"), (
                (f"<b>{escape(one.target)}</b>",
                 escape(", ".join(f"{package} {time:g}" for package, time in one.trace.items()) or "not told"),
                 escape(", ".join(f"{name} {count}" for name, count in sorted(one.calls.items()))
                        or f"not seen: {one.untraced}"))
                for one in self.all if not one.why))


def verify_starts(started: Started) -> Verdicts:
    """One verdict on each program, with its figures."""
    if started.site is None:
        return Verdicts((skipped(STARTS, str(started)),))
    return Verdicts(tuple(_verdict(one, started.target.name if one is started.site else "this machine's own")
                          for one in started.all))


def _verdict(one: Startup, name: str) -> Verdict:
    what, host = f"{STARTS}: {name}", one.host if one.host != "local" else None
    if one.why:
        return failed(what, one.why, host)
    figures = {f"toolchain.start.{one.target}.{phase}": Figure(round(one.spread(phase).mean, 3), "ms", host, one.basis)
               for phase in PHASES}
    figures |= {f"toolchain.start.{one.target}.main_deviation":
                Figure(round(one.spread(PHASE_MAIN).deviation, 3), "ms", host, one.basis)}
    return passed(what, f"{len(one.phases[PHASE_MAIN])} starts, each of which came to main and to its end", host,
                  **figures)


def _of_the_article(seen: Started) -> Startup | None:
    """The target's start, where it ran on the silicon that the article is about."""
    one = seen.site
    known = seen.target.goarch == named_architecture() and one is not None and not one.why
    return one if known and one is not None and one.basis is Basis.NATIVE else None


def _elsewhere() -> str:
    return f"it needs a host that is {named_architecture()} itself; an emulator's time and addresses are its own"


@judges("2.5-e")
def go_takes_its_heap_by_brk(seen: Started) -> Judgement:
    """Of the runtime's code, which is the same for all 64-bit targets: every program whose calls were seen."""
    told = [one for one in seen.all if one.calls]
    if not told:
        return Judgement(None, "", why=next((one.untraced or one.why for one in seen.all), str(seen)))
    counts = "; ".join(f"{one.target}: brk {one.calls.get('brk', 0)} times, mmap {one.calls.get('mmap', 0)} times"
                       for one in told)
    basis = Basis.EMULATED if any(one.basis is Basis.EMULATED for one in told) else Basis.NATIVE
    return Judgement(any(one.calls.get("brk", 0) for one in told), counts, basis)


@judges("2.5-f")
def the_quoted_trace_is_of_such_a_host(seen: Started) -> Judgement:
    """The trace has a brk, and an address from mmap that is no multiple of the page."""
    one = _of_the_article(seen)
    if one is None:
        return Judgement(None, "", why=_elsewhere())
    if not one.calls:
        return Judgement(None, "", why=one.untraced)
    page = seen.target.memory.page_sizes[0]
    odd = [address for address in one.mapped if address % page]
    told = f"brk {one.calls.get('brk', 0)} times; {len(odd)} of {len(one.mapped)} addresses are no multiple of {page}"
    return Judgement(bool(one.calls.get("brk")) and bool(odd), told)


@judges("2.5-h")
def main_is_reached_in_the_named_time(seen: Started) -> Judgement:
    one = _of_the_article(seen)
    if one is None:
        return Judgement(None, "", why=_elsewhere())
    if seen.own is None or seen.own.why:
        return Judgement(None, "", why="the claim compares with a machine of the other kind, which is not at hand")
    said, less = (float(named_in("2.5-h", pattern)) for pattern in (r"takes ([\d.]+) ms", r"(\d+) % less"))
    here, there = one.spread(PHASE_MAIN).mean, seen.own.spread(PHASE_MAIN).mean
    holds = abs(here / said - 1) <= CLOSE and abs(here / there - (1 - less / 100)) <= CLOSE
    return Judgement(holds, f"{here:.2f} ms, beside {there:.2f} ms on {seen.own.target}")
