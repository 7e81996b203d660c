"""Where a chapter stands: by the journal alone, whatever became of the kernel that worked on it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from runbook.contents import CONTENTS, title_of
from runbook.journal import Journal
from runbook.position import Position, position

DEPLOY = "04_container_deploy"
BEFORE = [title.name for title in CONTENTS][:4]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "20261126-120000-ward-7")


def work(journal: Journal, name: str, *done: str, broken: str = "", state: str = "", reason: str = "") -> None:
    journal.chapter = name
    begin = journal.begin("chapter", parameters={})
    for verb in done:
        journal.write("note", about="verb", text=verb)
        journal.write("note", about="done", text=verb)
    if broken:
        journal.write("note", about="verb", text=broken)
    if state:
        journal.end(begin, state=state, reason=reason)
    journal.chapter = None


def where(journal: Journal, name: str = DEPLOY, later: timedelta = timedelta()) -> tuple[Position, str]:
    told = journal.entries()
    found = position(title_of(name), "20261126-120000-ward-7", told)
    last = told[-1].time if told else "2026-11-26T12:00:00Z"
    return found, found.line(datetime.fromisoformat(last.replace("Z", "+00:00")) + later)


def test_a_chapter_that_was_never_begun_says_what_is_missing_before_it(journal: Journal) -> None:
    work(journal, BEFORE[0], "observe", state="pass")
    found, line = where(journal)
    assert found.last is None and found.missing == tuple(BEFORE[1:])
    assert line.startswith("Not run in this run yet.")
    assert "01 ABI inspection, 02 Toolchain and 03 Static compile are missing" in line


def test_a_kernel_that_was_lost_in_the_middle_leaves_what_was_done_and_what_was_not(journal: Journal) -> None:
    work(journal, DEPLOY, "observe", "decide", broken="act")
    found, line = where(journal, later=timedelta(days=3, hours=2))
    assert found.last and found.last.done == ("observe", "decide") and found.last.broken == "act"
    assert "Begun 3 days ago, and `act` did not end: act, verify and record are missing." in line
    assert "is not done twice" in line


def test_between_two_cells_it_says_after_which_it_stopped(journal: Journal) -> None:
    work(journal, DEPLOY, "observe", "decide", "act")
    _, line = where(journal, later=timedelta(minutes=61))
    assert "Begun 1 hour ago, and it stopped after observe, decide and act: verify and record are missing." in line


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("pass", "Passed just now. Run again, it looks anew"),
        ("fail", "Failed just now: node1: it does not answer. It goes on from Observe"),
        ("blocked", "Blocked just now: node1: it does not answer."),
        ("skipped", "Skipped just now: node1: it does not answer."),
    ],
)
def test_how_it_ended_and_why(journal: Journal, state: str, says: str) -> None:
    work(journal, DEPLOY, "observe", state=state, reason="node1: it does not answer\n  next: look at it")
    assert where(journal)[1].startswith(says)


def test_the_last_time_counts_and_all_are_told(journal: Journal) -> None:
    work(journal, DEPLOY, "observe", state="fail", reason="no")
    work(journal, DEPLOY, "observe", state="pass")
    found, line = where(journal)
    assert found.attempts == 2 and found.states[DEPLOY] == "pass"
    assert "It was begun 2 times in this run." in line


def test_the_teardown_wants_nothing_before_it(journal: Journal) -> None:
    assert where(journal, "90_teardown")[0].missing == ()
