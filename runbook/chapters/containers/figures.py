"""The numbers of a running service: memory, and the time from its start to listening."""

from __future__ import annotations

from runbook.chapters.containers.running import Running
from runbook.verdict import Figure


def service_figures(now: Running, host: str, path: str) -> dict[str, Figure]:
    """What was measured; under emulation memory and time are the emulator's too, and say so."""
    basis = now.basis(path)
    figures: dict[str, Figure] = {}
    if now.memory is not None:
        figures["memory"] = Figure(now.memory, "bytes", host, basis)
    if now.start_seconds is not None:
        figures["start"] = Figure(round(now.start_seconds, 4), "s", host, basis)
    figures["restarts"] = Figure(now.restarts, "restarts", host, basis)
    return figures
