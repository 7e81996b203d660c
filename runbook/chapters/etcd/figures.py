"""The numbers of a member: how soon it is ready, what it holds in memory, how long an agreed read takes."""

from __future__ import annotations

from runbook.chapters.etcd.observe import Unit
from runbook.verdict import Basis, Figure

MIB = 1 << 20


def member_figures(host: str, basis: Basis, unit: Unit, read_seconds: float | None) -> dict[str, Figure]:
    """Figures by name; what was not told is left out. Under emulation memory is the emulator's too."""
    figures: dict[str, Figure] = {}
    if unit.ready_seconds is not None:
        figures["ready"] = Figure(round(unit.ready_seconds, 2), "s", host, basis)
    if unit.rss_bytes is not None:
        figures["memory"] = Figure(round(unit.rss_bytes / MIB, 1), "MiB", host, basis)
    if read_seconds is not None:
        figures["read"] = Figure(round(read_seconds * 1e3, 2), "ms", host, basis)
    return figures
