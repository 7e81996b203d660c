"""Performing a plan on real files of this machine, as root."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.errors import CommandFailed, RunbookError, UsageError
from runbook.journal import Journal
from runbook.perform import Performed, perform
from runbook.plan import Folder, Place, Plan, Remove, RemoveFolder, Replace, Restore, Run, Step
from runbook.remote.local import LocalShell
from runbook.remote.secret import Secret

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a step acts as root")
RUN = "20261123-230000-ward-7"


class HostOfFiles:
    """One host of files: a folder to change, what is kept, and the journal."""

    def __init__(self, folder: Path) -> None:
        self.kept = folder / "kept"
        self.files = folder / "files"
        self.files.mkdir()
        self.journal = Journal(folder / "run")
        self.shell = LocalShell(self.journal, name="node1")

    def perform(self, *steps: Step, check: bool = False) -> Performed:
        return perform(Plan(*steps, because="-"), self.shell, self.journal, run=RUN, check=check)

    def steps(self) -> list:
        return [entry for entry in self.journal.entries() if entry.kind == "step"]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostOfFiles]:
    monkeypatch.setattr("runbook.preimage.KEPT", str(tmp_path / "kept"))
    place = HostOfFiles(tmp_path)
    yield place
    place.journal.close()


def write(path: Path, *actions: object, undo: bool = True) -> Step:
    back = tuple(Restore(action.path) for action in reversed(actions) if hasattr(action, "path"))
    return Step(f"{path.name} differs", actions, back if undo else ())  # type: ignore[arg-type]


def state(path: Path) -> tuple[str, str, int, int]:
    seen = path.lstat()
    content = os.readlink(path) if path.is_symlink() else path.read_bytes().hex() if path.is_file() else ""
    return content, oct(stat.S_IMODE(seen.st_mode)), seen.st_uid, seen.st_gid


def tree(folder: Path) -> dict[str, tuple[str, str, int, int]]:
    return {str(path.relative_to(folder)): state(path) for path in sorted(folder.rglob("*"))}


NAMES = ["plain", "a space", "quo'te\"s", "line\nfeed", "-rf", "$HOME `id` $(id)", "back\\slash",
         "ünïcödé 配置", "*", "trailing\n"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_replaced_with_content_mode_and_owner(host: HostOfFiles, name: str) -> None:
    path = host.files / name
    path.write_text("before\n")
    done = host.perform(write(path, Replace(str(path), "after\n", mode=0o640, owner="nobody:nogroup")))
    assert (done.state, done.changed, str(done)) == ("applied", 1, "node1: applied")
    assert path.read_text() == "after\n" and stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.owner() == "nobody" and path.group() == "nogroup"
    assert list(host.files.iterdir()) == [path]


@pytest.mark.parametrize("name", NAMES)
def test_a_second_perform_changes_nothing(host: HostOfFiles, name: str, tmp_path: Path) -> None:
    source = tmp_path / "binary"
    source.write_bytes(os.urandom(2000))
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    step = write(host.files, Folder(str(host.files / name), 0o750, "nobody:nogroup"),
                 Replace(str(host.files / name / name), "text", mode=0o4755, owner="65534:65534"),
                 Place(str(host.files / f"bin{name}"), source, sha256))
    assert host.perform(step).changed == 3
    before = tree(host.files)
    again = host.perform(step)
    assert (again.state, again.changed) == ("unchanged", 0)
    assert tree(host.files) == before
    assert host.steps()[-1]["state"] == "unchanged" and host.steps()[-1]["written"] == {}


def test_check_mode_counts_what_would_change_and_touches_nothing(host: HostOfFiles) -> None:
    path, same = host.files / "unit", host.files / "same"
    path.write_text("old")
    same.write_text("same")
    before = tree(host.files)
    step = write(path, Replace(str(path), "new"), Replace(str(same), "same"),
                 Remove(str(host.files / "none")),
                 Folder(str(host.files / "new")), Replace(str(host.files / "new" / "in"), "x"),
                 Run("touch", str(same)))
    done = host.perform(step, check=True)
    assert (done.state, done.changed, str(done)) == ("pending", 4, "node1: 4 changes pending")
    assert tree(host.files) == before and not host.kept.exists()
    assert host.steps()[-1]["state"] == "pending"
    assert host.perform(write(same, Replace(str(same), "same")), check=True).state == "unchanged"


def test_the_pre_image_is_kept_for_root_alone_and_only_its_hash_is_told(host: HostOfFiles) -> None:
    path = host.files / "config"
    path.write_text("what was there before\n")
    os.chown(path, 65534, 65534)
    path.chmod(0o755)
    host.perform(write(path, Replace(str(path), "now\n")))
    (entry,) = host.kept.glob(f"{RUN}/*/*")
    assert (entry / "content").read_text() == "what was there before\n"
    for folder in (host.kept / RUN, entry.parent, entry):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in entry.iterdir():
        assert (stat.S_IMODE(file.stat().st_mode), file.stat().st_uid) == (0o600, 0), file
    end = host.steps()[-1]
    assert end["written"] == {str(path): hashlib.sha256(b"now\n").hexdigest()}
    kept = f"file 755 65534:65534 {hashlib.sha256(b'what was there before' + bytes([10])).hexdigest()}"
    assert end["kept"] == {str(path): kept}
    assert "what was there before" not in host.journal.path.read_text()


def test_a_begin_is_in_the_journal_before_the_act(host: HostOfFiles) -> None:
    journal = host.journal.path
    copy = host.files / "copy"
    host.perform(Step("copies the journal", (Run("cp", str(journal), str(copy)),)))
    assert '"kind":"step","phase":"begin"' in copy.read_text()
    assert '"why":"copies the journal"' in copy.read_text()


def test_a_replace_is_one_round_trip(host: HostOfFiles) -> None:
    path = host.files / "unit"
    host.perform(write(path, Replace(str(path), "x" * 100_000)))
    assert [entry.kind for entry in host.journal.entries() if entry.phase == "begin"] == ["step", "command"]


def test_a_link_is_replaced_and_its_target_is_never_touched(host: HostOfFiles) -> None:
    target, link, folder = host.files / "target", host.files / "link", host.files / "folder"
    target.write_text("mine")
    folder.mkdir()
    link.symlink_to("target")
    host.perform(write(link, Replace(str(link), "a file now")))
    assert not link.is_symlink() and link.read_text() == "a file now" and target.read_text() == "mine"
    link.unlink()
    link.symlink_to("folder")
    host.perform(write(link, Replace(str(link), "a file again")))
    assert link.read_text() == "a file again" and list(folder.iterdir()) == []


@pytest.mark.parametrize(("make", "action", "why"), [
    (lambda path: path.mkdir(), Replace, "is no file: folder"),
    (lambda path: os.mkfifo(path), Replace, "is no file: other"),
    (lambda path: path.write_text(""), Folder, "is no folder"),
    (lambda path: path.mkdir(), Remove, "is no file but folder"),
    (lambda path: path.write_text(""), RemoveFolder, "is no folder but file"),
    (lambda path: (path.mkdir(), (path / "mine").write_text("")), RemoveFolder, "is not empty: mine"),
])
def test_what_is_of_another_kind_is_left_alone(host: HostOfFiles, make, action, why: str) -> None:
    path = host.files / "it"
    make(path)
    before = path.lstat().st_mode
    with pytest.raises(CommandFailed, match=why) as caught:
        host.perform(write(path, action(str(path), "x") if action is Replace else action(str(path))))
    assert path.lstat().st_mode == before and "it had changed nothing" in caught.value.next
    assert not host.kept.exists()


def test_a_missing_folder_is_named_with_what_is_missing(host: HostOfFiles) -> None:
    path = host.files / "no" / "file"
    with pytest.raises(CommandFailed) as caught:
        host.perform(write(path, Replace(str(path), "x")))
    assert caught.value.what == (
        f"node1: replace {path}: there is no folder {path.parent}; a Folder has to make it before")


def test_a_failed_step_takes_its_done_half_back(host: HostOfFiles) -> None:
    path, new = host.files / "unit", host.files / "new"
    path.write_text("before")
    path.chmod(0o600)
    os.utime(path, (1_000_000, 1_000_000))
    before = tree(host.files)
    step = Step(
        why="the unit differs",
        do=(Folder(str(new)), Replace(str(new / "a"), "a"), Replace(str(path), "after"), Run("false")),
        undo=(Run("sh", "-c", "echo not known >&2; exit 5"), Restore(str(path)), Restore(str(new / "a")),
              RemoveFolder(str(new))),
    )
    with pytest.raises(CommandFailed, match="false: exit 1") as caught:
        host.perform(step)
    assert "of `the unit differs`: what it had done was taken back" in caught.value.next
    assert "exit 5" in caught.value.next
    assert tree(host.files) == before and path.stat().st_mtime == 1_000_000
    assert not host.kept.exists()
    end = host.steps()[-1]
    assert (end["state"], end["changed"], end["taken_back"]) == ("failed", 0, True)


def test_a_failed_step_stops_the_plan_and_leaves_the_steps_before_it(host: HostOfFiles) -> None:
    one, two = host.files / "one", host.files / "two"
    with pytest.raises(CommandFailed):
        host.perform(write(one, Replace(str(one), "1")), Step("fails", (Run("false"),)),
                     write(two, Replace(str(two), "2")))
    assert one.read_text() == "1" and not two.exists()
    assert [entry["state"] for entry in host.steps() if entry.phase == "end"] == ["applied", "failed"]


def test_nothing_is_run_to_take_back_a_step_that_never_began(host: HostOfFiles) -> None:
    stopped = host.files / "stopped"
    step = Step("fails at once", (Replace(str(host.files / "no" / "x"), "x"),), (Run("touch", str(stopped)),))
    with pytest.raises(CommandFailed):
        host.perform(step)
    assert not stopped.exists()


def test_a_source_that_is_not_what_was_planned_is_not_placed(host: HostOfFiles, tmp_path: Path) -> None:
    source = tmp_path / "binary"
    source.write_bytes(b"another build")
    path = host.files / "binary"
    with pytest.raises(RunbookError, match="was planned"):
        host.perform(write(path, Place(str(path), source, "ab" * 32)))
    with pytest.raises(RunbookError, match="No such file"):
        host.perform(write(path, Place(str(path), tmp_path / "none", "ab" * 32)))
    assert not path.exists()


def test_a_secret_reaches_its_file_and_neither_journal_nor_log(host: HostOfFiles) -> None:
    secret = Secret("c4nary-of-perform")
    path = host.files / "password"
    path.write_text("0ld-short")
    host.perform(write(path, Replace(str(path), secret, mode=0o600)))
    assert path.read_text() == "c4nary-of-perform"
    logs = [log.read_text() for log in host.journal.folder.glob("logs/*")]
    told = host.journal.path.read_text() + "".join(logs)
    for text in ("c4nary-of-perform", hashlib.sha256(b"c4nary-of-perform").hexdigest(), "0ld-short",
                 hashlib.sha256(b"0ld-short").hexdigest()):
        assert text not in told
    assert host.perform(write(path, Replace(str(path), secret, mode=0o600))).state == "unchanged"


def test_an_undo_that_the_journal_could_not_keep_is_refused_at_once(host: HostOfFiles) -> None:
    Secret("frodo-baggins")
    path = host.files / "frodo-baggins"
    with pytest.raises(UsageError, match="holds a secret's text") as caught:
        host.perform(write(path, Replace(str(path), "x")))
    assert "frodo" not in str(caught.value) and not path.exists()


def test_a_full_disk_leaves_the_old_file_whole(host: HostOfFiles, tmp_path: Path) -> None:
    small = host.files / "small"
    small.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=64k", "none", str(small))
    host.perform(Step("a small disk", (Run(*mount),)))
    try:
        path = small / "file"
        path.write_text("whole")
        with pytest.raises(CommandFailed, match="is not what was sent; is"):
            host.perform(write(path, Replace(str(path), "x" * 200_000)))
        assert path.read_text() == "whole" and list(small.iterdir()) == [path]
    finally:
        host.perform(Step("no small disk", (Run("umount", str(small)),)))


def test_the_file_capabilities_and_attributes_of_what_was_there_come_back(host: HostOfFiles) -> None:
    path = host.files / "tool"
    path.write_text("tool")
    os.setxattr(path, "user.note", b"mine")
    with pytest.raises(CommandFailed):
        host.perform(Step("fails", (Replace(str(path), "new"), Run("false")), (Restore(str(path)),)))
    assert path.read_text() == "tool" and os.getxattr(path, "user.note") == b"mine"
