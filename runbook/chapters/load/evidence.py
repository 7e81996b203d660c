"""What the claims about load, stacks and the scheduler are judged by: the runs, a probe on a host, and a compiler."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook.chapter import Chapter
from runbook.chapters.compile.build import HOME, IN_FOLDER, build
from runbook.chapters.compile.decide import environment, recipe_for
from runbook.chapters.compile.sources import read_sources
from runbook.chapters.load.measured import Closed, Opened
from runbook.chapters.load.schedule import Schedule
from runbook.chapters.toolchain.observe import Go, find_go
from runbook.chapters.toolchain.programs import TRIALS
from runbook.chapters.visit import visit
from runbook.errors import CommandFailed
from runbook.remote.command import Script
from runbook.remote.shell import Shell
from runbook.targets import Target, of_machine
from runbook.verdict import Basis

PROBE = "runtimeprobe"
SOURCES = Path(__file__).with_name("go")
SNIPPETS = Path(__file__).with_name("snippets")
CONTROL = "control"
GODEBUGS = ("", "madvdontneed=1", "madvdontneed=0")
"""As it comes, what the article sets, and the other value: where that makes no difference, nothing was seen."""

TRACE = Script('strace -f -e trace=madvise env "$1" "$2" 2>&1 >/dev/null', limit=60.0)
NUMA = re.compile(r"\bnuma\b", re.IGNORECASE)
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
    limited: int  # GOMAXPROCS of the second look; 0: one CPU, so there was nothing to limit


@dataclass(frozen=True, repr=False)
class Evidence:
    """The loops' outcomes, the runtime's, and what the compiler says to each snippet: empty where it compiles."""

    opened: Opened
    closed: Closed
    runtime: Runtime | None
    compiler: Mapping[str, str] = field(hash=False)
    advice: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)  # by GODEBUG; empty: no strace
    numa: tuple[str, ...] = ()  # files of Go's runtime with a word of NUMA
    read: int = 0  # how many files were read for that

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
    own = of_machine(os.uname().machine)
    advice = advice_seen(go, own, chapter.local) if own is not None and shutil.which("strace") else {}
    files = sorted((go.root / "src" / "runtime").glob("*.go"))
    numa = tuple(path.name for path in files if NUMA.search(path.read_text("utf-8", "replace")))
    return Evidence(opened, closed, runtime, compiler, advice, numa, len(files))


def advice_seen(go: Go, own: Target, shell: Shell) -> dict[str, tuple[str, ...]]:
    """What a program of this machine says to madvise when it gives memory back, by the value of GODEBUG.

    Empty where nobody may trace here: strace's own error is in the journal.
    """
    probe = build(recipe_for(PROBE, read_sources(SOURCES, PROBE), go, own, HOME), shell, TRIALS)
    try:
        return {value: parse_advice(shell.run(TRACE.command(f"GODEBUG={value}", str(probe.path))).text)
                for value in GODEBUGS}
    except CommandFailed:
        return {}


def parse_advice(text: str) -> tuple[str, ...]:
    """The kinds of advice that release memory (madvise(2)), each once."""
    return tuple(sorted(set(re.findall(r"\bMADV_(?:DONTNEED|FREE)\b", text))))


def compiled(snippet: Path, go: Go, chapter: Chapter) -> str:
    """The compiler's words, without the folder's name, or how it ended; empty where it compiles."""
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
            return "; ".join(line.removeprefix("./") for line in lines if line) or error.what
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
        tuple(said["allowed_before"] or ()), tuple(said["allowed_after"] or ()),
        int(said["limited"]))
