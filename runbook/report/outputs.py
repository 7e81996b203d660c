"""The notebooks' stored outputs, made anew on the testbed: what nbval compares and the web shows."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from runbook.contents import CONTENTS, chain
from runbook.errors import RunbookError
from runbook.opening import who
from runbook.report.chain import Chain, Outcome
from runbook.report.interruption import Interruption
from runbook.report.progress import Progress
from runbook.report.rehearse import SITE
from runbook.report.selection import NOTEBOOKS, Asked, Selection, select, teardown
from runbook.run import REPORTS_VARIABLE, Run
from runbook.site import ROOT, load_site
from runbook.targets import of_machine
from runbook.testbed import bed

NATIVELY = ROOT / "docs" / "outputs"
"""Where the notebooks that compile stand once more, as a rehearsal for this machine's own architecture has them."""
COMPILES = ("03_static_compile",)
LANGUAGE = ("name",)  # of the kernel's language; its version changes with every machine


def store_outputs(progress: Progress) -> int:
    """Runs every notebook with its defaults and stores what its cells show; returns the exit code.

    Nothing is stored where a chapter did not pass: outputs in git are those of a healthy rehearsal.
    """
    with tempfile.TemporaryDirectory(prefix="runbook-outputs-") as reports, bed.borrowed(SITE):
        os.environ[REPORTS_VARIABLE] = reports
        run = Run.start(load_site(SITE), by=who())
        selection = Selection(chain(), {}, defaults=True)
        with progress, Interruption() as interruption:
            ended = Chain(run, selection, progress, interruption).go()
            last = Selection(teardown(Asked()).titles, {}, defaults=True)
            ended += Chain(run, last, progress, interruption).go()
        _require_passed(ended)
        for title in CONTENTS:
            name = f"{title.name}.ipynb"
            (NOTEBOOKS / name).write_text(with_outputs(NOTEBOOKS / name, run.folder / "notebooks" / name))
            progress.say(f"stored: notebooks/{name}")
        NATIVELY.mkdir(exist_ok=True)
        for name, text in natively(progress).items():
            (NATIVELY / name).write_text(text)
            progress.say(f"stored: docs/outputs/{name}")
    return 0


def natively(progress: Progress) -> dict[str, str]:
    """The notebooks that compile, with the outputs of a run for this machine's own target, by their files' names.

    The bed has to stand. Nothing where no target describes this machine. Raises RunbookError where one does not pass.
    """
    own = of_machine(os.uname().machine)
    if own is None:
        return {}
    run = Run.start(replace(load_site(SITE), target=own.name), by=who())
    titles = select(Asked(only=COMPILES)).titles
    with progress, Interruption() as interruption:
        _require_passed(Chain(run, Selection(titles, {}, defaults=True), progress, interruption).go())
    return {f"{name}.{own.name}.ipynb": with_outputs(NOTEBOOKS / f"{name}.ipynb", run.folder / "notebooks" /
                                                     f"{name}.ipynb") for name in COMPILES}


def _require_passed(ended: Iterable[Outcome]) -> None:
    for one in ended:
        if one.state != "pass":
            raise RunbookError(f"{one.name}: {one.state}: {one.reason}",
                               next="mend the chapter; the stored outputs are as they were")


def with_outputs(source: Path, executed: Path) -> str:
    """The notebook `source` with the outputs of the same cells in `executed`, as text for git.

    Cells are found by id. Counts are those of the order, timings and versions are left out.
    """
    notebook = json.loads(source.read_text())
    ran = {cell["id"]: cell for cell in json.loads(executed.read_text())["cells"]}
    count = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        count += 1
        cell["execution_count"] = count
        cell["outputs"] = [_plain(output, count) for output in ran[cell["id"]]["outputs"]]
    language = notebook["metadata"].get("language_info", {})
    notebook["metadata"]["language_info"] = {name: language[name] for name in LANGUAGE if name in language}
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _plain(output: dict, count: int) -> dict:
    """An output without what changes from run to run."""
    if "execution_count" in output:
        output["execution_count"] = count
    output.get("metadata", {}).pop("papermill", None)
    return output
