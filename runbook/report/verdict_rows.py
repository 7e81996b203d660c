"""A chapter's verdicts as rows: what the same was said of on many hosts is one row, its figures side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runbook.report.words import shown_figure
from runbook.verdict import Basis, Figure, State, Verdict

MOST_HOSTS = 4  # whose values are written out; of more, the smallest and the largest


@dataclass(frozen=True)
class FigureRow:
    """One figure: `values` are (host, value) pairs, the host empty where all have the same value."""

    name: str
    values: tuple[tuple[str, str], ...]
    basis: Basis


@dataclass(frozen=True)
class VerdictRow:
    """What was looked at, on which hosts, with one outcome."""

    what: str
    state: State
    reason: str
    hosts: tuple[str, ...]
    figures: tuple[FigureRow, ...]
    lines: tuple[int, int] | None


def verdict_rows(verdicts: Iterable[Verdict]) -> tuple[VerdictRow, ...]:
    """In the order in which each was said first."""
    groups: dict[tuple[str, State, str], list[Verdict]] = {}
    for one in verdicts:
        groups.setdefault((one.what, one.state, one.reason), []).append(one)
    return tuple(
        VerdictRow(
            what,
            state,
            reason,
            tuple(one.host for one in group if one.host),
            tuple(_figures(group)),
            _lines(group),
        )
        for (what, state, reason), group in groups.items()
    )


def _figures(group: list[Verdict]) -> Iterable[FigureRow]:
    names = dict.fromkeys(name for one in group for name in one.figures)
    for name in names:
        by_basis: dict[Basis, list[tuple[str, Figure]]] = {}
        for one in group:
            if figure := one.figures.get(name):
                by_basis.setdefault(figure.basis, []).append((figure.host or one.host or "", figure))
        for basis, seen in by_basis.items():
            yield FigureRow(name.rpartition(".")[2].replace("_", " "), _values(seen), basis)


def _values(seen: list[tuple[str, Figure]]) -> tuple[tuple[str, str], ...]:
    shown = [(host, shown_figure(figure.value, figure.unit)) for host, figure in seen]
    if len({value for _, value in shown}) == 1:
        return (("", shown[0][1]),)
    if len(shown) <= MOST_HOSTS:
        return tuple(shown)
    least, most = (pick(seen, key=lambda one: one[1].value)[1] for pick in (min, max))
    return (("", f"{shown_figure(least.value, least.unit)} – {shown_figure(most.value, most.unit)}"),)


def _lines(group: list[Verdict]) -> tuple[int, int] | None:
    spans = [one.journal for one in group if one.journal]
    return (min(first for first, _ in spans), max(last for _, last in spans)) if spans else None
