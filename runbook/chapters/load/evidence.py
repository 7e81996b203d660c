"""What the claims about load, stacks and the scheduler are judged by: the runs, a probe on a host, and a compiler."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook.chapter import Chapter
from runbook.chapters.compile.build import IN_FOLDER, build
from runbook.chapters.compile.decide import environment, recipe_for
from runbook.chapters.compile.sources import read_sources
from runbook.chapters.load.measured import Closed, Opened
from runbook.chapters.load.programs import HOME
from runbook.chapters.load.schedule import Schedule
from runbook.chapters.toolchain.observe import Go, find_go
from runbook.chapters.toolchain.programs import TRIALS
from runbook.chapters.visit import visit
from runbook.errors import CommandFailed
from runbook.remote.command import Script
from runbook.targets import Target
from runbook.verdict import Basis

PROBE = "runtimeprobe"
SOURCES = Path(__file__).with_name("go")
SNIPPETS = Path(__file__).with_name("snippets")
CONTROL = "control"
PROBE_SECONDS, COMPILE_SECONDS = 60.0, 300.0


@dataclass(frozen=True)
class Runtime:
    """What Go's runtime did on a host; `collections` by GOGC, `allowed` are the CPU lists of its threads."""

    host: str
    basis: Basis
    version: str
    cpus: int
    processors: int  # GOMAXPROCS, as it comes
    nodes: tuple[str, ...]
    stack_bytes: float
    collections: Mapping[int, int] = field(hash=False)
    allowed_before: tuple[str, ...]
    allowed_after: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Evidence:
    """The loops' outcomes, the runtime's, and what the compiler says to each snippet: empty where it compiles."""

    opened: Opened
    closed: Closed
    runtime: Runtime | None
    compiler: Mapping[str, str] = field(hash=False)
    go: str = ""

    def __str__(self) -> str:
        return "the loops, a probe of Go's runtime, and the article's snippets given to the compiler"

    __repr__ = __str__


def evidence(chapter: Chapter, wanted: Schedule, opened: Opened, closed: Closed) -> Evidence:
    """Compiles the snippets here and runs the probe on the first target.

    Raises BuildFailed, Blocked, and the errors of the host.
    """
    go = find_go(chapter.site, chapter.local)
    compiler = {path.name.removesuffix(".go.txt"): compiled(path, go, chapter) for path in SNIPPETS.glob("*.go.txt")}
    runtime = None if chapter.check else _probed(chapter, wanted, go, chapter.target)
    return Evidence(opened, closed, runtime, compiler, str(go))


def compiled(snippet: Path, go: Go, chapter: Chapter) -> str:
    """The compiler's words, without the folder's name; empty where it has none."""
    HOME.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="runbook-snippet-") as folder:
        (Path(folder) / "go.mod").write_text("module snippet\n\ngo 1.16\n")
        (Path(folder) / "main.go").write_text(snippet.read_text("utf-8"))
        pairs = environment(go, chapter.target.goarch, HOME)
        go_words = ("env", "-i", *(f"{name}={value}" for name, value in pairs), str(go.program))
        words = (*go_words, "build", "-o", "/dev/null", ".")
        try:
            chapter.local.run(Script(IN_FOLDER, limit=COMPILE_SECONDS).command(folder, *words))
        except CommandFailed as error:
            lines = [line.strip() for line in error.tail.splitlines() if not line.startswith("#")]
            return "; ".join(line.removeprefix("./") for line in lines if line)
    return ""


def _probed(chapter: Chapter, wanted: Schedule, go: Go, target: Target) -> Runtime:
    recipe = recipe_for(PROBE, read_sources(SOURCES, PROBE), go, target, HOME)
    probe = build(recipe, chapter.local, TRIALS)
    host = wanted.targets[0].name
    came = visit(chapter.fleet[host], probe.path, limit=PROBE_SECONDS)
    return parse_runtime(came.output, host, chapter.basis_for(host))


def parse_runtime(text: str, host: str, basis: Basis) -> Runtime:
    """Raises ValueError or KeyError where the probe did not come to its end."""
    said = json.loads(text)
    counts = said["collections"]
    return Runtime(
        host, basis, said["version"], int(said["num_cpu"]), int(said["gomaxprocs"]), tuple(said["nodes"] or ()),
        float(said["stack_bytes"]), {100: int(counts["at_100"]), 20: int(counts["at_20"])},
        tuple(said["allowed_before"] or ()), tuple(said["allowed_after"] or ()))
