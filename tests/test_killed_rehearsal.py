"""The whole chain on the testbed, killed again and again at random places: it ends as one that never was."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runbook.entries import entries
from runbook.report.resume import KERNEL
from runbook.report.verification import verify
from runbook.site import ROOT
from runbook.testbed.bed import Bed
from tests.test_rehearsal import runbook, state_of

PLACES = 20
LATEST = 6 * 60.0  # seconds after which nothing is killed any more
MORE_LINES = 150  # of the journal, at most, between two kills

SHORT = ("-p", "08.repeats=1", "-p", "08.seconds=1")


def killed_at(reports: Path, lines: int, with_kernel: bool, *words: str) -> bool:
    """Runs the command and kills it when the journal has so many lines more; False where it ended before that."""
    journal = (reports / "latest" / "journal.jsonl").resolve()
    before = journal.read_bytes().count(b"\n") if journal.exists() else 0
    process = subprocess.Popen([sys.executable, "-m", "runbook", *words], cwd=ROOT, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, "RUNBOOK_REPORTS": str(reports)})
    while process.poll() is None:
        journal = (reports / "latest" / "journal.jsonl").resolve()
        if journal.exists() and journal.read_bytes().count(b"\n") >= before + lines:
            break
        time.sleep(0.01)
    ended = process.poll() is not None
    process.kill()
    process.wait()
    if with_kernel and not ended:
        for one in entries(journal):
            if one.get("about") == KERNEL:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(int(str(one["pid"])), signal.SIGKILL)
    return not ended


def came_to(folder: Path) -> dict[str, object]:
    """What a summary says that does not depend on times, nor on how often something was tried."""
    told = json.loads((folder / "summary.json").read_text())
    return {
        "state": told["state"],
        "chapters": {
            chapter["name"]: (chapter["state"], sorted(chapter["changes"]),
                              [(one["what"], one["host"], one["state"]) for one in chapter["verdicts"]])
            for chapter in told["chapters"]
        },
        "claims": {claim["id"]: (claim["state"], claim["holds"]) for claim in told["claims"]},
        "numbers": sorted(told["numbers"]),
    }


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_the_whole_chain_killed_at_random_places_ends_as_one_that_never_was(bed: Bed, tmp_path: Path) -> None:
    before, places, kills = state_of(bed), random.Random(6), []
    site = ("run", "--site", str(bed.site_file), *SHORT)
    began, words = time.monotonic(), site
    while len(kills) < PLACES and time.monotonic() - began < LATEST:
        lines, with_kernel = places.randint(3, MORE_LINES), places.random() < 0.5
        if not killed_at(tmp_path, lines, with_kernel, *words):
            break
        told = entries(tmp_path / "latest" / "journal.jsonl")
        kills.append((told[-1].chapter, told[-1].kind))
        words = (*site, "--resume", "latest")
    print(f"{len(kills)} kills in {time.monotonic() - began:.0f} s:", kills)
    killed = runbook(tmp_path, *site, "--resume", "latest")
    assert killed.code == 0, killed.said
    assert len(kills) >= 5 and verify(killed.folder).ok
    reached = came_to(killed.folder)
    undone = runbook(tmp_path, "undo", killed.folder.name)
    assert undone.code == 0, undone.said
    assert state_of(bed) == before

    untouched = runbook(tmp_path, *site, "--afresh")
    assert untouched.code == 0, untouched.said
    whole = came_to(untouched.folder)
    assert runbook(tmp_path, "undo", untouched.folder.name).code == 0
    assert reached == whole
