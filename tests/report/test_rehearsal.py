"""The whole chain on the testbed's real hosts, once: locked out, resumed, run again, undone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook.entries import entries
from runbook.journal import Journal
from runbook.remote import lock
from runbook.remote.fleet import Fleet
from runbook.site import load_site

DEPLOY = "04_container_deploy"


@dataclass(frozen=True)
class Told:
    """What one call of the command line came to."""

    exit_code: int
    said: str
    summary: dict[str, Any]
    folder: Path

    def chapter(self, name: str) -> dict[str, Any]:
        return next(chapter for chapter in self.summary["chapters"] if chapter["name"] == name)


@dataclass(frozen=True)
class Story:
    """The calls of a rehearsal, in order."""

    locked_out: Told
    deployed: Told
    again: Told
    undone: Told
    verified: str
    status: str
    locks_left: list[str]


def call(reports: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "RUNBOOK_REPORTS": str(reports)}
    return subprocess.run(
        [sys.executable, "-m", "runbook", *words], env=environment, capture_output=True, text=True, timeout=300
    )


def told(reports: Path, *words: str) -> Told:
    ended = call(reports, *words)
    folder = (reports / "latest").resolve()
    return Told(
        ended.returncode, ended.stdout + ended.stderr, json.loads((folder / "summary.json").read_text()), folder
    )


@pytest.fixture(scope="session")
def story(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Runs the chain: first while another run holds a lock, then on, then again; then takes it back."""
    reports = tmp_path_factory.mktemp("reports")
    site = ("run", "--site", str(bed.site_file))
    with Journal(tmp_path_factory.mktemp("other")) as journal:
        with Fleet.open(load_site(bed.site_file), recorder=journal) as fleet:
            lock.take(fleet["node2"], "20260101-000000-another", "somebody else", seconds=600)
            try:
                locked_out = told(reports, *site)
            finally:
                lock.release(fleet["node2"], "20260101-000000-another")
            deployed = told(reports, *site, "--resume", "latest")
            again = told(reports, *site)
            undone_run = deployed.folder.name
            undone = call(reports, "undo", undone_run)
            left = [name for name, seen in fleet.ask(lock.LOCK).of(lock.LOCK).items() if seen]
    verified, status = (call(reports, verb, undone_run).stdout for verb in ("verify", "status"))
    summary = json.loads((deployed.folder / "summary.json").read_text())
    yield Story(
        locked_out,
        deployed,
        again,
        Told(undone.returncode, undone.stdout + undone.stderr, summary, deployed.folder),
        verified,
        status,
        left,
    )


pytestmark = pytest.mark.timeout(600)  # the first of these tests waits for the whole story


def test_two_runs_on_one_site_at_once_are_told_apart(story: Story) -> None:
    out = story.locked_out
    assert out.exit_code == 3, out.said
    assert out.chapter(DEPLOY)["state"] == "blocked"
    assert "20260101-000000-another" in out.chapter(DEPLOY)["reason"] and "node2" in out.chapter(DEPLOY)["reason"]
    assert sum(out.chapter(DEPLOY)["changes"].values()) == 0


def test_a_resumed_run_goes_on_where_it_was_blocked(story: Story) -> None:
    assert story.deployed.exit_code == 0, story.deployed.said
    assert story.deployed.folder == story.locked_out.folder
    assert f"1 chapter: {DEPLOY}" in story.deployed.said
    assert min(story.deployed.chapter(DEPLOY)["changes"].values()) > 0


def test_a_second_run_changes_nothing(story: Story) -> None:
    assert story.again.exit_code == 0, story.again.said
    assert story.again.folder != story.deployed.folder
    for chapter in story.again.summary["chapters"]:
        assert set(chapter["changes"].values()) <= {0}, chapter["name"]
    assert set(story.again.chapter(DEPLOY)["changes"]) == {"node1", "node2", "node3"}


def test_undo_takes_everything_back_and_says_so(story: Story) -> None:
    assert story.undone.exit_code == 0, story.undone.said
    assert "nothing of it stands on a host" in story.status
    assert story.locks_left == []


def test_the_undone_run_still_verifies(story: Story) -> None:
    assert "the chain holds" in story.verified and "all as the journal has them" in story.verified


def test_the_report_of_real_hosts_tells_what_was_proven_and_how(story: Story) -> None:
    page = (story.deployed.folder / "index.html").read_text()
    for word in ("Passed", "node3", "what runs is what was built", "taken back", "users"):
        assert word in page
    if story.deployed.summary["target"] == "riscv64":
        assert '<span class="basis">emulated</span>' in page


def test_every_begin_has_its_end(story: Story) -> None:
    told = entries(story.deployed.folder / "journal.jsonl")
    ended = {entry.begin for entry in told if entry.phase == "end"}
    assert [entry for entry in told if entry.phase == "begin" and entry.seq not in ended] == []


def test_every_chapters_notebook_is_executed_beside_the_report(story: Story) -> None:
    for chapter in story.again.summary["chapters"]:
        notebook = json.loads((story.again.folder / "notebooks" / f"{chapter['name']}.ipynb").read_text())
        counts = [cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
        assert counts and None not in counts
