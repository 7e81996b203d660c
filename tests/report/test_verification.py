"""Verifying a run: whatever was altered is found and named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook.errors import JournalDamaged
from runbook.report.summary import write_summary
from runbook.report.verification import verify


@pytest.fixture
def whole(new_sample: Callable) -> Path:
    """A run with an output, an artefact and a summary."""
    sample = new_sample()
    sample.chapter("00_start", lambda: sample.command("node1", "uname", "-a", said=b"Linux node1\n"))
    artifact = sample.folder / "artifacts" / "users"
    artifact.parent.mkdir()
    artifact.write_bytes(b"\x7fELF")
    sample.journal.write(
        "note",
        about="artifact",
        name="users",
        path="artifacts/users",
        size=4,
        sha256=hashlib.sha256(b"\x7fELF").hexdigest(),
    )
    folder = sample.close("passed")
    write_summary(folder)
    return folder


def test_a_whole_run_holds(whole: Path) -> None:
    found = verify(whole)
    assert found.ok and found.outputs == 1 and found.artifacts == 1
    assert "the chain holds" in str(found) and "all as the journal has them" in str(found)


def test_an_altered_artefact_is_named_with_the_journals_line(whole: Path) -> None:
    (whole / "artifacts" / "users").write_bytes(b"\x7fELG")
    found = verify(whole)
    assert not found.ok
    assert "artifacts/users: its SHA-256 is another (journal, line 6)" in str(found)


def test_a_missing_artefact_is_named(whole: Path) -> None:
    (whole / "artifacts" / "users").unlink()
    assert "No such file" in str(verify(whole))


def test_an_altered_log_is_named(whole: Path) -> None:
    log = whole / "logs" / "node1.log"
    log.write_bytes(log.read_bytes().replace(b"Linux", b"Minix"))
    assert "is another (journal, line 4)" in str(verify(whole))


def test_an_altered_line_is_named(whole: Path) -> None:
    journal = whole / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"uname", b"iname")
    journal.write_bytes(b"".join(lines))
    with pytest.raises(JournalDamaged) as caught:
        verify(whole)
    assert caught.value.line == 3 and "journal.jsonl:3" in str(caught.value)


def test_lines_cut_off_at_the_end_are_missed(whole: Path) -> None:
    journal = whole / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-2]))
    with pytest.raises(JournalDamaged, match="had 7 lines"):
        verify(whole)


def test_a_torn_last_line_is_told_and_is_no_damage(whole: Path) -> None:
    with (whole / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"seq":8,"time":"2026')
    found = verify(whole)
    assert found.ok and found.journal.torn == 21
    assert "21 bytes of a torn line" in str(found)


def test_lines_that_came_after_the_summary_are_fine(whole: Path) -> None:
    from runbook.journal import Journal

    with Journal(whole) as journal:
        journal.write("note", about="resume", text="later")
    assert verify(whole).ok
