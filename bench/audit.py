"""The porting audit of etcd's programs beside a plain compile of the same packages: cold, and with a warm cache.

The cold one is told in the processors' seconds too: those hardly change on a machine that is busy with other work.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench.measure import Measure, Spread, in_turn
from runbook.chapters.compile.build import HOME
from runbook.chapters.compile.decide import environment
from runbook.chapters.etcd.programs import MODULE
from runbook.chapters.portaudit.audit import audit
from runbook.chapters.portaudit.graph import tools_of
from runbook.chapters.toolchain.observe import Go, find_go
from runbook.remote.local import LocalShell
from runbook.remote.unrecorded import Unrecorded
from runbook.site import Site
from runbook.targets import Target, load_target

NAME, WORK, WARM = "audit-etcd", "audit-etcd-cpu", "audit-etcd-warm"
ROUNDS, WARM_ROUNDS = 2, 10  # a cold standard library and six hundred packages take minutes


def measure(site: Site) -> list[Measure]:
    """Seconds. The peer is `go build` of every package that is no program: both compile, neither links."""
    shell = LocalShell(Unrecorded())
    go, target = find_go(site, shell), load_target(site.target)
    with tempfile.TemporaryDirectory(prefix="runbook-bench-") as folder:
        cache = Path(folder) / "cache"
        go = replace(go, settings={**go.settings, "GOCACHE": str(cache)})
        packages = _go(go, target, "list", "-deps", "-f", '{{if ne .Name "main"}}{{.ImportPath}}{{end}}',
                       *tools_of(MODULE)).split()

        def ours() -> None:
            assert audit(MODULE, go, target, shell).ok

        def plain() -> None:
            _go(go, target, "build", "-trimpath", *packages)

        def cold(function: Callable[[], None]) -> Callable[[], None]:
            def emptied() -> None:
                shutil.rmtree(cache, ignore_errors=True)
                function()
            return emptied

        contenders = {"ours": ours, "go build of the same packages": plain}
        work: dict[str, list[float]] = {name: [] for name in contenders}

        def counted(name: str) -> Callable[[], None]:
            def done() -> None:
                before = _processors()
                cold(contenders[name])()
                work[name].append(_processors() - before)
            return done

        frozen = in_turn({name: counted(name) for name in contenders}, rounds=ROUNDS, warm=0)
        warm = in_turn(contenders, rounds=WARM_ROUNDS, warm=1)
    shell.close()
    return [_measure(NAME, frozen, ROUNDS), _measure(WORK, work, ROUNDS), _measure(WARM, warm, WARM_ROUNDS)]


def _processors() -> float:
    """Seconds of this process and of the children that ended, in user mode and in the kernel."""
    each = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in each)


def _measure(name: str, samples: dict[str, list[float]], rounds: int) -> Measure:
    spreads = {who: Spread.of(seconds) for who, seconds in samples.items()}
    return Measure(name, "s", "less", rounds, spreads.pop("ours"), spreads)


def _go(go: Go, target: Target, *words: str) -> str:
    HOME.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([str(go.program), *words], cwd=MODULE, env=dict(environment(go, target.goarch, HOME)),
                          stdout=subprocess.PIPE, text=True, check=True, timeout=1800)
    return done.stdout
