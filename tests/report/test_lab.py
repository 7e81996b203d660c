"""JupyterLab: on loopback only, behind a token, on the run's own copies."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed in this environment")


def answer(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_the_lab_serves_the_runs_copies_to_loopback_and_closes_the_run(tmp_path: Path, site_file: Path) -> None:
    environment = {**os.environ, "RUNBOOK_REPORTS": str(tmp_path / "reports")}
    said = (tmp_path / "said").open("w+")
    lab = subprocess.Popen(
        [sys.executable, "-m", "runbook", "lab", "--site", str(site_file)],
        env=environment,
        stdout=said,
        stderr=said,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 60
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)/lab\S*\?token=(\w+)", Path(said.name).read_text())):
            assert time.monotonic() < until and lab.poll() is None, Path(said.name).read_text()
            time.sleep(0.1)
        port, token = found.groups()
        status, listed = answer(f"http://127.0.0.1:{port}/api/contents?token={token}")
        assert status == 200
        assert "00_start.ipynb" in [one["name"] for one in json.loads(listed)["content"]]
        assert answer(f"http://127.0.0.1:{port}/api/contents")[0] == 403
        listening = subprocess.run(
            ["ss", "-Hltn", f"sport = :{port}"], capture_output=True, text=True, timeout=10
        ).stdout
        assert listening.count("127.0.0.1:") == 1 and len(listening.splitlines()) == 1
    finally:
        os.killpg(lab.pid, signal.SIGTERM)
        code = lab.wait(60)
    folder = (tmp_path / "reports" / "latest").resolve()
    assert code == 0 and "`runbook undo" in Path(said.name).read_text()
    assert (folder / "notebooks" / "90_teardown.ipynb").exists()
    assert json.loads((folder / "summary.json").read_text())["state"] == "blocked"  # nothing was run in it
