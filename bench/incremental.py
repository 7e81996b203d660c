"""What it costs to know that nothing changed, for each of the two forms of the service, beside asking Go itself."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from bench.measure import Measure, Spread, in_turn
from runbook.chapters.compile.decide import Recipe, recipe_for
from runbook.chapters.compile.observe import ingredients
from runbook.chapters.compile.side_by_side import build_all
from runbook.journal import Journal
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import load_target

ROUNDS = 10


def measure(site: Site, rounds: int = ROUNDS) -> Measure:
    """Seconds a service: Go, sources, git and the kept bytes are looked at anew each time, and no host is asked.

    Go's own way links anew each time: a build ID left empty, so that equal builds are equal, tells it nothing.
    """
    with tempfile.TemporaryDirectory(prefix="runbook-bench-") as folder:
        home, shell = Path(folder), LocalShell(Journal(Path(folder)))

        def recipes() -> list[Recipe]:
            seen = ingredients(site, shell)
            return [recipe_for(form, seen.sources, seen.go, load_target(site.target), home) for form in seen.forms]

        def ours() -> None:
            assert all(one.already for one in build_all(recipes(), shell, kept=home / "builds"))

        wanted = recipes()
        build_all(wanted, shell, kept=home / "builds")

        def go(*, own_id: bool) -> None:
            for one in wanted:
                words = one.words(home / one.service)
                subprocess.run([word.replace(" -buildid=", "") if own_id else word for word in words], check=True,
                               cwd=one.sources.folder)

        samples = in_turn({"ours": ours, "go build, the same flags": lambda: go(own_id=False),
                           "go build, with Go's build ID": lambda: go(own_id=True)}, rounds=rounds, warm=1)
        shell.close()
    spreads = {name: Spread.of([second / len(wanted) for second in seconds]) for name, seconds in samples.items()}
    return Measure("incremental", "s", "less", rounds, spreads.pop("ours"), spreads)
