"""How a Go program starts: from its exec to its init, its main and its end, and which system calls that takes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook.chapters.compile.build import Built
from runbook.chapters.load.spread import Spread
from runbook.chapters.visit import visit
from runbook.errors import RemoteError
from runbook.remote.shell import Shell
from runbook.verdict import Basis

RUNS = 50  # an emulator translates every copy anew, which takes a tenth of a second each
LIMIT = 100.0  # seconds; ten are usual under an emulator
EMULATOR, STRACE = "emulator", "strace"
RUN = re.compile(r"^run (\d+) (\d+) (\d+)$", re.MULTILINE)
TRACE = re.compile(r"^trace init (\S+) @([\d.]+) ms", re.MULTILINE)
CALL = re.compile(r"^call (?:\[pid +\d+\] |\d+ )?(\w+)\((.*)\) += +(\S+)", re.MULTILINE)
PHASES = {"init": "exec to its first init", "main": "exec to main.main", "end": "exec to its end"}


@dataclass(frozen=True, repr=False)
class Startup:
    """One program on one host. Times in milliseconds; `trace` is the runtime's own account, of one copy."""

    host: str
    target: str
    basis: Basis
    phases: Mapping[str, tuple[float, ...]] = field(default_factory=dict, hash=False)  # by PHASES
    trace: Mapping[str, float] = field(default_factory=dict, hash=False)  # package: ms after the runtime began
    calls: Mapping[str, int] = field(default_factory=dict, hash=False)  # system call: how often
    mapped: tuple[int, ...] = ()  # addresses that mmap returned
    why: str = ""  # it could not be measured
    untraced: str = ""  # its system calls could not be seen

    def spread(self, phase: str) -> Spread:
        return Spread(self.phases[phase])

    def __str__(self) -> str:
        return f"{self.target}: {self.why or f'{len(self.phases[PHASE_MAIN])} starts'}"


PHASE_MAIN = "main"


def start_up(program: Built, shell: Shell, target: str, basis: Basis) -> Startup:
    """Runs the program on the host, once for its times and once for its calls. What fails is in the answer."""
    try:
        timed = visit(shell, program.path, "runs", str(RUNS), limit=LIMIT)
        if timed.exit_code:
            return Startup(shell.name, target, basis, why=f"{timed}: {timed.last_words}")
        traced = visit(shell, program.path, "calls", EMULATOR if basis is Basis.EMULATED else STRACE, limit=LIMIT)
    except RemoteError as error:
        return Startup(shell.name, target, basis, why=error.what)
    phases, trace = parse_times(timed.output)
    if not phases:
        return Startup(shell.name, target, basis, why="it told no time")
    calls, mapped = parse_calls(traced.output)
    untraced = "" if calls else f"{traced}: {traced.last_words}"
    return Startup(shell.name, target, basis, phases, trace, calls, mapped, untraced=untraced)


def parse_times(text: str) -> tuple[dict[str, tuple[float, ...]], dict[str, float]]:
    """Milliseconds of every start by phase, and of each package's init after the runtime began."""
    runs = [tuple(int(part) / 1e6 for part in found) for found in RUN.findall(text)]
    phases = {phase: tuple(run[at] for run in runs) for at, phase in enumerate(PHASES)} if runs else {}
    return phases, {package: float(time) for package, time in TRACE.findall(text)}


def parse_calls(text: str) -> tuple[dict[str, int], tuple[int, ...]]:
    """What strace and qemu-user print alike, the latter with a process id before each call."""
    calls: Counter[str] = Counter()
    mapped = []
    for name, _, result in CALL.findall(text):
        calls[name] += 1
        if name == "mmap" and result.startswith("0x"):
            mapped.append(int(result, 16))
    return dict(calls), tuple(mapped)
