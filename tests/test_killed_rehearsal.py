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

from runbook.contents import chain
from runbook.entries import entries
from runbook.report.resume import KERNEL
from runbook.report.verification import verify
from runbook.site import ROOT
from runbook.testbed.bed import Bed
from tests.test_rehearsal import runbook, state_of

PLACES = 20
LATEST = 20 * 60.0  # seconds after which nothing is killed any more
MORE_LINES = 40  # of the journal, at most, from a chapter's begin to its kill: it may be in the next one then

SHORT = ("-p", "08.repeats=1", "-p", "08.seconds=1")


def killed_in(reports: Path, chapter: str, lines: int, with_kernel: bool, *words: str) -> bool:
    """Runs the command and kills it so many lines after the chapter began; False where it ended before that."""
    journal = reports / "latest" / "journal.jsonl"
    before = journal.read_bytes().count(b"\n") if journal.exists() else 0
    process = subprocess.Popen([sys.executable, "-m", "runbook", *words], cwd=ROOT, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, "RUNBOOK_REPORTS": str(reports)})
    begun = f'"kind":"chapter","phase":"begin","chapter":"{chapter}"'.encode()
    while process.poll() is None:
        told = journal.read_bytes().split(b"\n")[before:-1] if journal.exists() else []
        at = next((number for number, line in enumerate(told) if begun in line), None)
        if at is not None and len(told) > at + lines:
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


def passed(journal: Path) -> set[str]:
    told = entries(journal) if journal.exists() else ()
    return {str(one.chapter) for one in told
            if one.kind == "chapter" and one.phase == "end" and one.get("state") == "pass"}


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
        # not on which host: that of a put, say, is whoever does not lead just then
        "numbers": {name.removesuffix(f".{one['host']}") for name, one in told["numbers"].items()},
    }


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_the_whole_chain_killed_at_random_places_ends_as_one_that_never_was(bed: Bed, tmp_path: Path) -> None:
    before, places, kills = state_of(bed), random.Random(6), []
    site = ("run", "--site", str(bed.site_file), *SHORT)
    began, words = time.monotonic(), site
    for chapter in sorted(places.choice(chain()).name for _ in range(PLACES)):
        lines, with_kernel = places.randint(0, MORE_LINES), places.random() < 0.5
        if chapter in passed(tmp_path / "latest" / "journal.jsonl"):  # the kill before came after its end
            continue
        if time.monotonic() - began > LATEST or not killed_in(tmp_path, chapter, lines, with_kernel, *words):
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
