"""The line of the first data cache by a measurement, which needs nothing that a kernel may keep to itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from runbook.chapters.abi.go_convention import SOURCES
from runbook.chapters.compile.build import Built, build
from runbook.chapters.compile.decide import recipe_for
from runbook.chapters.compile.sources import read_sources
from runbook.chapters.toolchain.observe import Go
from runbook.chapters.visit import visit
from runbook.errors import RemoteError
from runbook.remote.fleet import Fleet
from runbook.remote.shell import Shell
from runbook.targets import Target
from runbook.verdict import Basis, Figure, Verdict, Verdicts, failed, passed, skipped

STRIDE, WHAT = "stride", "cache line by a stride"
PLAYED = "not measurable here: the caches are this machine's, not those of the target that is emulated"
LIMIT = 60.0  # seconds; half a second is usual
LINE = re.compile(r"^stride (\d+) ([\d.]+)$", re.MULTILINE)
STEP = 1.2
"""How much slower a load that has to fetch a line of its own is at least: one more answer of the second cache, of a
dozen cycles, beside one of the first and one of the second. Half as slow again is usual."""


def line_of(times: Mapping[int, float]) -> int | None:
    """Bytes of the line, of nanoseconds by distance in bytes; None where there is not one step and no way back."""
    distances = sorted(times)
    slow = [distance for distance in distances if times[distance] >= STEP * times[distances[0]]] if distances else []
    whole = bool(slow) and slow == distances[distances.index(slow[0]):]
    return slow[0] if whole else None


def parse_stride(text: str) -> dict[int, float]:
    return {int(distance): float(time) for distance, time in LINE.findall(text)}


def stride_program(go: Go, target: Target, shell: Shell, home: Path, kept: Path) -> Built:
    """The program, for the target. Raises Blocked and BuildFailed."""
    home.mkdir(parents=True, exist_ok=True)
    return build(recipe_for(STRIDE, read_sources(SOURCES, STRIDE), go, target, home), shell, kept)


def lines_of(fleet: Fleet, target: Target, basis_for: Callable[[str], Basis],
             program: Callable[[], Built]) -> Verdicts:
    """One verdict a host, none measured where an emulator runs the target's programs; `program` is made if needed."""
    native = [name for name in fleet.names if basis_for(name) is Basis.NATIVE]
    played = tuple(skipped(WHAT, PLAYED, name) for name in fleet.names if name not in native)
    if not native:
        return Verdicts(played)
    path = program().path
    measured = fleet.only(*native).each(lambda shell: measure_line(shell, path, target))
    return Verdicts((*(measured[name] for name in native), *played))


def measure_line(shell: Shell, program: Path, target: Target) -> Verdict:
    """Runs it on a host. What fails, or shows no step, is the verdict's reason."""
    try:
        came = visit(shell, program, limit=LIMIT)
    except RemoteError as error:
        return failed(WHAT, error.what, shell.name)
    if came.exit_code:
        return failed(WHAT, f"{came}: {came.last_words}", shell.name)
    times = parse_stride(came.output)
    line, expected = line_of(times), target.memory.cache_line
    if line is None:
        told = ", ".join(f"{distance}: {time:g}" for distance, time in times.items()) or came.last_words
        return skipped(WHAT, f"not decided: no single step in the nanoseconds by distance ({told})", shell.name)
    figures = {f"abi.{target.name}.cache_line_by_stride": Figure(line, "bytes", shell.name)}
    if line == expected:
        return passed(WHAT, "as the target file expects", shell.name, **figures)
    return failed(WHAT, f"{line} bytes, and the target file expects {expected} ({target.sources['memory.cache_line']})",
                  shell.name, **figures)
