"""What a chapter costs besides what it does: a chain of chapters of one command each, each in a fresh kernel."""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.measure import Measure, Spread, in_turn
from runbook.contents import chain
from runbook.report import selection
from runbook.report.chain import Chain
from runbook.report.interruption import Interruption
from runbook.report.progress import Plain
from runbook.report.selection import Selection
from runbook.run import REPORTS_VARIABLE, Run
from runbook.site import load_site

CHAPTERS = chain()[:4]
ROUNDS = 5
SITE = """schema = 1
name = "bench"
target = "riscv64"
protected = false
[[host]]
name = "here"
address = "local"
roles = ["service"]
"""
PARAMETERS = """site: str = ""  # the site
run: str = ""  # the run
check: bool = False  # whether
only_hosts: list = []  # hosts
confirm: str = ""  # the name
"""
COMMAND = ("sleep", "1")
SECONDS = 1.0  # that it takes; what a chapter takes longer is its own
PEERS = ("a = 1", f"import subprocess\nsubprocess.run({COMMAND!r})", "b = 1", "b")
CELLS = (
    "from runbook import open_chapter\nfrom runbook.verdict import Verdicts, passed\n"
    "chapter = open_chapter({name!r}, site=site, run=run)\nchapter",
    "from runbook.remote.command import command\nchapter.observe(lambda chapter: chapter.local.run(command({words})))",
    "chapter.verify(lambda chapter: Verdicts((passed('it runs', 'it says so'),)))",
    "chapter.record()",
)


def measure(rounds: int = ROUNDS) -> Measure:
    """Seconds a chapter on top of its command; the peers' notebooks have as many cells, and the same command alone."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        (folder / "bench.toml").write_text(SITE)
        for title in CHAPTERS:
            _write(folder / f"{title.name}.ipynb", PARAMETERS, *_cells(title.name))
            _write(folder / f"bare-{title.name}.ipynb", *PEERS)
        os.environ[REPORTS_VARIABLE] = str(folder / "reports")
        before, selection.NOTEBOOKS = selection.NOTEBOOKS, folder
        try:
            samples = in_turn({
                "ours": lambda: _ours(folder),
                "papermill, its function": lambda: _papermill(folder),
                "papermill, the program": lambda: _program(folder, "papermill"),
                "nbconvert --execute": lambda: _program(folder, "nbconvert"),
            }, rounds=rounds, warm=1)
        finally:
            selection.NOTEBOOKS = before
            del os.environ[REPORTS_VARIABLE]
    own = {name: [took / len(CHAPTERS) - SECONDS for took in seconds] for name, seconds in samples.items()}
    spreads = {name: Spread.of(seconds) for name, seconds in own.items()}
    return Measure("chapter-overhead", "s", "less", rounds, spreads.pop("ours"), spreads)


def _ours(folder: Path) -> None:
    run = Run.start(load_site(folder / "bench.toml"))
    outcomes = Chain(run, Selection(CHAPTERS, {}), Plain(io.StringIO()), Interruption()).go()
    assert {one.state for one in outcomes} == {"pass"}, outcomes
    run.close(state="passed")


def _papermill(folder: Path) -> None:
    import papermill

    for title in CHAPTERS:
        source, target = folder / f"bare-{title.name}.ipynb", folder / "executed.ipynb"
        papermill.execute_notebook(str(source), str(target), {}, progress_bar=False)


def _program(folder: Path, name: str) -> None:
    for title in CHAPTERS:
        source, target = str(folder / f"bare-{title.name}.ipynb"), str(folder / "executed.ipynb")
        words = {"papermill": ["papermill", "--no-progress-bar", source, target],
                 "nbconvert": ["nbconvert", "--to", "notebook", "--execute", source, "--output", target]}[name]
        subprocess.run([sys.executable, "-m", *words], check=True, timeout=120, capture_output=True)


def _write(path: Path, *sources: str) -> None:
    numbers = itertools.count()
    cells = [{"cell_type": "code", "id": f"cell{next(numbers)}", "outputs": [], "execution_count": None,
              "metadata": {"tags": ["parameters"] if source is sources[0] else []}, "source": source}
             for source in sources]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.write_text(json.dumps(
        {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}))



def _cells(name: str) -> list[str]:
    return [cell.replace("{name!r}", repr(name)).replace("{words}", ", ".join(map(repr, COMMAND))) for cell in CELLS]
