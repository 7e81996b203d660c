"""JupyterLab on loopback, on a run's own copies of the notebooks, so that no host's name lands in git."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from runbook.contents import CONTENTS
from runbook.errors import Blocked
from runbook.hold import let_go_of_left
from runbook.opening import who
from runbook.report.conduct import close_and_tell
from runbook.report.interruption import Interruption
from runbook.report.rehearse import SITE
from runbook.report.selection import NOTEBOOKS
from runbook.run import REPORTS_VARIABLE, RUN_VARIABLE, Run, reports
from runbook.site import ROOT, load_site

SETTINGS = ROOT / ".cache" / "lab" / "settings"
QUIET = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": False}
TICK = 0.5
STOP_SECONDS = 15.0


def open_lab(site_file: str = "") -> int:
    """Opens JupyterLab and waits for its end; returns its exit code.

    Without a site file the testbed is brought up, and taken down afterwards if nobody else uses it. Raises
    Blocked where JupyterLab is not installed.
    """
    program = Path(sys.executable).parent / "jupyter-lab"
    if not program.exists():
        raise Blocked("JupyterLab is not installed", next="`make prepare`, or `pip install 'runbook[lab]'`")
    with contextlib.ExitStack() as stack:
        if not site_file:
            from runbook.testbed import bed

            print(stack.enter_context(bed.borrowed(SITE)), file=sys.stderr)
        run = Run.start(load_site(site_file or SITE), by=who())
        folder = copies(run)
        print(f"run {run.name}, notebooks in {folder}; Ctrl-C ends it", file=sys.stderr)
        code = _serve(program, folder, run)
        let_go_of_left(run.site, run.name, run.journal)  # of chapters that were left between two cells
        finished = close_and_tell(run)
        print(f"report: {finished.page}\n`runbook undo {run.name}` takes back what was changed", file=sys.stderr)
    return code


def copies(run: Run) -> Path:
    """The run's own notebooks; its parameters cells name its own site file."""
    folder = run.folder / "notebooks"
    folder.mkdir(exist_ok=True)
    for title in CONTENTS:
        source = NOTEBOOKS / f"{title.name}.ipynb"
        shutil.copyfile(source, folder / source.name)
    return folder


def command(program: Path, folder: Path) -> list[str]:
    """How JupyterLab is called: loopback only, a token of its own making, no news and no checks for updates."""
    return [
        str(program),
        "--no-browser",
        "--ip=127.0.0.1",
        f"--ServerApp.root_dir={folder}",
        "--LabApp.default_url=/lab/tree/00_start.ipynb",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        f"--LabApp.user_settings_dir={SETTINGS}",
        *(["--allow-root"] if os.geteuid() == 0 else []),
    ]


def _serve(program: Path, folder: Path, run: Run) -> int:
    settings = SETTINGS / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps(QUIET))
    environment = {**os.environ, RUN_VARIABLE: run.name, REPORTS_VARIABLE: str(reports())}
    with Interruption() as interruption:
        server = subprocess.Popen(command(program, folder), env=environment)
        while server.poll() is None and not interruption:
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(TICK)
        server.terminate()  # a signal is the end: JupyterLab's own question on the terminal is not waited for
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
    return 0 if interruption else server.wait()
