"""Files arrive whole or not at all, and nobody reads them on the way."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest

from runbook.errors import RunbookError, TransferFailed, UsageError
from runbook.remote.command import command
from runbook.remote.local import LocalShell
from runbook.remote.source import Source
from runbook.remote.strict import StrictShell
from runbook.remote.transfer import Place, receive
from tests.remote.conftest import Notes


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.mark.parametrize("name", ["plain", "with space", "-n", "it's \"so\"", "a\nb"])
def test_a_file_arrives_as_it_was_with_its_mode(shell: StrictShell, tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    sent = shell.put(b"content\0\xff", str(target), mode=0o640)
    assert target.read_bytes() == b"content\0\xff" and mode_of(target) == 0o640
    assert (sent.size, sent.sha256, sent.already) == (9, hashlib.sha256(b"content\0\xff").hexdigest(), False)
    assert os.listdir(tmp_path) == [name]


def test_a_large_file_goes_there_and_back(shell: StrictShell, tmp_path: Path) -> None:
    source, target, again = tmp_path / "source", tmp_path / "target", tmp_path / "again"
    source.write_bytes(os.urandom(1 << 20) * 12)
    assert shell.put(source, str(target)).size == 12 << 20
    assert shell.get(str(target), again).sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert again.read_bytes() == source.read_bytes() == target.read_bytes()


def test_an_empty_file_is_a_file(shell: StrictShell, tmp_path: Path) -> None:
    shell.put(b"", str(tmp_path / "empty"))
    assert shell.get(str(tmp_path / "empty"), tmp_path / "back").size == 0
    assert (tmp_path / "back").read_bytes() == b""


def test_what_is_there_already_is_not_sent_again(shell: StrictShell, tmp_path: Path) -> None:
    target = tmp_path / "file"
    shell.put(b"same", str(target), mode=0o600)
    inode = target.stat().st_ino
    assert shell.put(b"same", str(target), mode=0o600).already
    assert not shell.put(b"same", str(target), mode=0o755).already, "its mode was changed"
    assert target.stat().st_ino == inode and mode_of(target) == 0o755
    assert not shell.put(b"other", str(target), mode=0o755).already
    assert target.read_bytes() == b"other"


def test_an_owner_is_set_before_the_file_is_in_its_place(shell: StrictShell, tmp_path: Path) -> None:
    target = tmp_path / "file"
    shell.put(b"x", str(target), owner="daemon:daemon", mode=0o4750, sudo=True)
    assert (target.stat().st_uid, mode_of(target)) == (1, 0o4750)
    with pytest.raises(TransferFailed, match="invalid user"):
        shell.put(b"y", str(target), owner="no-such-user", sudo=True)
    assert target.read_bytes() == b"x" and os.listdir(tmp_path) == ["file"]


def test_a_folder_that_is_missing_or_in_the_way_is_named(shell: StrictShell, tmp_path: Path) -> None:
    with pytest.raises(TransferFailed, match="No such file or directory"):
        shell.put(b"x", str(tmp_path / "none" / "file"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(TransferFailed, match="is a folder"):
        shell.put(b"x", str(tmp_path / "folder"))
    assert os.listdir(tmp_path / "folder") == []


def test_what_arrives_otherwise_than_it_was_sent_leaves_the_old_file(shell: StrictShell, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    announced = Source.of(b"what was meant")
    ended = shell.carry_out(receive(announced, Place(str(target), 0o644, "", False)), feed=[b"what ", b"came"])
    assert ended.exit_code == 65 and b"arrived instead of" in ended.stderr
    assert target.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def test_nobody_else_can_read_a_file_on_its_way(shell: StrictShell, tmp_path: Path) -> None:
    def slowly() -> object:
        yield b"secret"
        time.sleep(0.6)
        yield b" content"

    what = Source.of(b"secret content")
    thread = threading.Thread(target=shell.carry_out, daemon=True, kwargs={"feed": slowly()},
                              args=(receive(what, Place(str(tmp_path / "file"), 0o644, "", False)),))
    thread.start()
    until = time.monotonic() + 5
    while not (seen := list(tmp_path.iterdir())) and time.monotonic() < until:
        time.sleep(0.01)
    assert [mode_of(path) for path in seen] == [0o600] and seen[0].name.startswith(".runbook.")
    thread.join(10)
    assert (tmp_path / "file").read_bytes() == b"secret content" and mode_of(tmp_path / "file") == 0o644


def test_a_file_that_is_not_there_is_named_and_the_old_one_stays(shell: StrictShell, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(b"old")
    with pytest.raises(TransferFailed, match="is no file"):
        shell.get("/no/such/file", tmp_path / "here")
    with pytest.raises(UsageError, match="No such file"):
        shell.put(tmp_path / "none", str(tmp_path / "there"))
    assert (tmp_path / "here").read_bytes() == b"old" and os.listdir(tmp_path) == ["here"]


def test_a_file_that_changes_while_it_is_fetched_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 100_000)
    grow = tmp_path / "cat"
    grow.write_text(f"#!/bin/sh\nprintf more >>{source}\nexec /bin/cat\n")
    grow.chmod(0o755)
    shell = LocalShell(Notes(), env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    with pytest.raises(TransferFailed, match="fetch it again"):
        shell.get(str(source), tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_the_recorder_hears_of_transfers_with_their_hash(notes: Notes, tmp_path: Path) -> None:
    shell = LocalShell(notes)
    shell.put(b"x", str(tmp_path / "file"))
    shell.get(str(tmp_path / "file"), tmp_path / "back")
    with pytest.raises(RunbookError):
        shell.put(b"x", "/no/such/folder/file")
    shell.run(command("true"))
    digest = hashlib.sha256(b"x").hexdigest()
    assert [kind for kind, _, _ in notes.begun] == ["transfer", "transfer", "transfer", "command"]
    assert notes.begun[0][2].items() >= {"target": str(tmp_path / "file"), "size": 1, "sha256": digest}.items()
    assert notes.ended[1].items() >= {"size": 1, "sha256": digest}.items()
    assert "error" in notes.ended[2]
