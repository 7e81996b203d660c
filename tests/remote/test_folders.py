"""Folders: only what differs is sent, whatever the names are made of, and each file is the old one or the new one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook.errors import ConnectionLost, TransferFailed, UsageError
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.remote.pack import packs
from runbook.remote.ssh import SshShell
from runbook.remote.strict import StrictShell
from runbook.remote.tree import Tree
from runbook.remote.tree_seen import parse_links, parse_look, parse_sums
from runbook.site import load_site
from runbook.testbed.bed import Bed
from tests.remote.conftest import Notes, Sshd

ODD = (b"plain", b"with space", b"-n", b"--help", b"it's", b'"quoted"', b"a\nb", b"\nbegins", b"ends\n", b"tab\t",
       b"back\\slash", b"\\n", b"*", b"$HOME `id`", b"\xff\xfe not UTF-8", "文件".encode(), b".hidden", b"..two", b"~",
       b"#", b"=", b"x" * 255)


def content(folder: Path) -> dict[bytes, tuple[object, ...]]:
    """All that a folder holds, by name: kind and mode, and what is in it."""
    found: dict[bytes, tuple[object, ...]] = {}
    top = os.fsencode(folder)
    for at, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = os.path.join(at, name)
            seen = os.lstat(path)
            if os.path.islink(path):
                what: object = os.readlink(path)
            else:
                what = open(path, "rb").read() if os.path.isfile(path) else "folder"
            found[os.path.relpath(path, top)] = (0 if os.path.islink(path) else seen.st_mode & 0o7777, what)
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of odd names, three deep, with links, an empty folder and modes of all kinds."""
    folder = tmp_path / "source"
    top = os.fsencode(folder)
    for below in (b"", b"-inner dir\n", b"-inner dir\n/\xff"):
        os.makedirs(os.path.join(top, below))
        for number, name in enumerate(ODD):
            path = os.path.join(top, below, name + b"_" if below else name)[:4000]
            if len(name) == 255:
                path = os.path.join(top, below, name)
            with open(path, "wb") as file:
                file.write(name * number)
            os.chmod(path, (0o644, 0o600, 0o755, 0o440)[number % 4])
    os.makedirs(os.path.join(top, b"empty"), mode=0o750)
    os.symlink(b"plain", os.path.join(top, b"link"))
    os.symlink(b"nowhere \xff\n\n", os.path.join(top, b"dangling"))
    os.symlink(b"/etc", os.path.join(top, b"a link to a folder"))
    os.chmod(os.path.join(top, b"-inner dir\n"), 0o711)
    return folder


def test_a_folder_arrives_as_it_is_and_a_second_time_nothing_is_sent(
        shell: StrictShell, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "there" / "with space"
    sent = shell.put_folder(source, str(target))
    assert sent.sent == sent.names == 3 * len(ODD) + 3 and not sent.already
    assert content(target) == content(source)
    assert not list(target.rglob(".runbook.*"))
    before = {path: os.stat(path, follow_symlinks=False) for path in target.rglob("*")}
    again = shell.put_folder(source, str(target))
    assert again.already and again.size == 0 and "was there already" in str(again)
    assert {path: os.stat(path, follow_symlinks=False) for path in before} == before


def test_only_what_differs_is_sent_and_what_is_there_besides_stays(
        shell: StrictShell, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    shell.put_folder(source, str(target))
    (target / "theirs").write_bytes(b"stays")
    untouched = (target / "with space").stat().st_ino
    (source / "plain").write_bytes(b"of another content")
    (target / "a\nb").write_bytes(b"changed there")
    (source / "-n").chmod(0o640)
    (source / "link").unlink()
    (source / "link").symlink_to("elsewhere")
    (source / "dangling").unlink()
    (source / "dangling").write_bytes(b"a file now")
    (source / "empty").chmod(0o700)
    sent = shell.put_folder(source, str(target))
    assert (sent.sent, sent.mended) == (4, 2)
    theirs = content(target)
    assert theirs.pop(b"theirs")[1] == b"stays" and theirs == content(source)
    assert (target / "with space").stat().st_ino == untouched


def test_owners_are_set_and_mended(shell: StrictShell, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    shell.put_folder(source, str(target), owner="daemon:daemon", sudo=True)
    assert {(os.lstat(path).st_uid, os.lstat(path).st_gid) for path in (target, *target.rglob("*"))} == {(1, 1)}
    os.chown(target / "link", 0, 0, follow_symlinks=False)
    os.chown(target / "empty", 0, 0)
    assert shell.put_folder(source, str(target), owner="daemon", sudo=True).mended == 2
    assert os.lstat(target / "link").st_uid == os.lstat(target / "empty").st_uid == 1
    with pytest.raises(TransferFailed, match="invalid user"):
        shell.put_folder(source, str(tmp_path / "other"), owner="no-such-user", sudo=True)


def test_large_files_and_many_packs_go_together(shell: StrictShell, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "deep" / "er").mkdir(parents=True)
    for number in range(1200):
        (source / "deep" / f"{number}").write_bytes(b"%d" % number)
    for number in range(5):
        (source / "deep" / "er" / f"{number}").write_bytes(os.urandom(3 << 20))
    (source / "large").write_bytes(os.urandom(9 << 20))
    (source / "large").chmod(0o711)
    tree = Tree.readable(source)
    assert len(list(packs(tree, [one for one in tree.entries if 0 < one.size < 9e6]))) > 2
    assert shell.put_folder(tree, str(target)).sent == 1206
    assert content(target) == content(source)
    assert shell.put_folder(tree, str(target)).already


NAMES = st.binary(min_size=1, max_size=12).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b".."))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, st.one_of(st.binary(max_size=20), st.dictionaries(NAMES, st.binary(max_size=5),
                                                                                max_size=3)), max_size=6))
def test_any_names_arrive(over_ssh: SshShell, tmp_path: Path, tree: dict[bytes, object]) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for folder in (source, target):
        shutil.rmtree(folder, ignore_errors=True)
    source.mkdir()
    for name, what in tree.items():
        path = os.path.join(os.fsencode(source), name)
        if isinstance(what, dict):
            os.mkdir(path)
        for inner, data in (what.items() if isinstance(what, dict) else [(b"", what)]):
            with open(os.path.join(path, inner) if inner else path, "wb") as file:
                file.write(data)
    over_ssh.put_folder(source, str(target))
    assert content(target) == content(source)
    assert over_ssh.put_folder(source, str(target)).already


def test_what_is_in_the_way_is_named_and_nothing_is_sent(shell: StrictShell, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    (target / "plain").mkdir(parents=True)
    with pytest.raises(TransferFailed, match="'plain' is a folder there and a file here; nothing was sent"):
        shell.put_folder(source, str(target))
    assert os.listdir(target) == ["plain"]
    shutil.rmtree(target / "plain")
    (target / "empty").symlink_to("/etc")
    with pytest.raises(TransferFailed, match="'empty' is a link there and a folder here"):
        shell.put_folder(source, str(target))
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(TransferFailed, match="is there and no folder"):
        shell.put_folder(source, str(tmp_path / "file"))


def test_what_cannot_be_sent_is_refused_here(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "source" / "socket"))
    with pytest.raises(UsageError, match="neither file, folder nor link"):
        LocalShell(Notes()).put_folder(tmp_path / "source", str(tmp_path / "target"))
    with pytest.raises(UsageError, match="No such file"):
        LocalShell(Notes()).put_folder(tmp_path / "none", str(tmp_path / "target"))
    assert not (tmp_path / "target").exists()


def test_a_file_that_changes_meanwhile_is_named_and_no_half_of_it_arrives(shell: StrictShell, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").write_bytes(b"before")
    tree = Tree.readable(tmp_path / "source")
    (tmp_path / "source" / "file").write_bytes(b"after!")
    with pytest.raises(TransferFailed, match="source/file changed while the folder was sent"):
        shell.put_folder(tree, str(tmp_path / "target"))
    assert os.listdir(tmp_path / "target") == []


def test_a_disk_that_is_full_leaves_the_old_files(shell: StrictShell, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("a file system of its own wants root")
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", target], check=True)
    try:
        (target / "0").write_bytes(b"old")
        for number in range(4):
            (source / f"{number}").write_bytes(os.urandom(1 << 20))
        with pytest.raises(TransferFailed, match="No space left"):
            shell.put_folder(source, str(target))
        assert os.listdir(target) == ["0"] and (target / "0").read_bytes() == b"old"
    finally:
        subprocess.run(["umount", target], check=True)


def landed(target: Path) -> int:
    return len([path for path in target.iterdir() if not path.name.startswith(".runbook.")])


def test_a_folder_whose_sending_was_cut_off_goes_on_with_what_is_missing(
        sshd: Sshd, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    for number in range(24):
        (source / f"{number:02}").write_bytes(os.urandom(4 << 20))
    shell = SshShell(sshd.host, Notes())

    def cut() -> None:
        until = time.monotonic() + 20
        while not (target / "03").exists() and time.monotonic() < until:
            time.sleep(0.002)
        shell._connection.transport.sock.close()

    thread = threading.Thread(target=cut)
    thread.start()
    with pytest.raises(ConnectionLost):
        shell.put_folder(source, str(target))
    thread.join()
    there, before = landed(target), -1
    while there != before:  # what had arrived when the line was cut is still put in its place
        time.sleep(0.5)
        there, before = landed(target), there
    sent = shell.put_folder(source, str(target))
    assert there >= 2 and sent.sent == 24 - there and content(target) == content(source)
    shell.close()


def test_it_is_packed_where_the_line_was_seen_to_be_slow(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    for number in range(4):
        (tmp_path / "source" / f"{number}").write_bytes(os.urandom(3 << 20).hex().encode())
    notes = Notes()
    shell = LocalShell(notes)
    shell._pace.rate = 2e5
    shell.put_folder(tmp_path / "source", str(tmp_path / "target"))
    assert notes.ended[0]["packing"] == "4 of 4 packs"
    assert content(tmp_path / "target") == content(tmp_path / "source")


def test_an_answer_that_does_not_add_up_counts_as_unknown(source: Path) -> None:
    """As of an sha256sum that could not read a file: then it is sent, whatever is there. One that escapes no line feed,
    as busybox's, is understood."""
    digest = b"0" * 64
    assert list(parse_sums(digest + b"  ./a\nb\n" + digest + b"  ./c\nshort  ./d\n")) == [
        (b"a\nb", "0" * 64), (b"c\nshort  ./d", "0" * 64)]
    assert list(parse_sums(b"\\" + digest + rb"  ./a\nb\\n" + b"\n")) == [(b"a\nb\\n", "0" * 64)]
    entries = Tree.readable(source).entries[:3]
    assert list(parse_links(b"x\n.\0", entries)) == []
    gzip, seen = parse_look(b"gzip\n81a4 7 root:root ./a\nb//\nnonsense//\n41ed 9 a:b ./c d//\n")
    assert gzip and {name: (one.kind, one.mode, one.owner) for name, one in seen.items()} == {
        b"a\nb": ("f", 0o644, "root:root"), b"c d": ("d", 0o755, "a:b")}


def test_a_pipe_or_device_in_a_file_s_place_is_not_read(shell: StrictShell, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").write_bytes(b"")
    (tmp_path / "target").mkdir()
    os.mkfifo(tmp_path / "target" / "file")
    with pytest.raises(TransferFailed, match="'file' is a device or the like there and a file here"):
        shell.put_folder(tmp_path / "source", str(tmp_path / "target"))


def test_a_folder_goes_to_many_hosts_and_is_read_once(bed: Bed, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    reading = Tree.readable.__func__
    monkeypatch.setattr(Tree, "readable", classmethod(
        lambda cls, what: (read.append(what) if isinstance(what, Path) else None) or reading(cls, what)))
    with Fleet.open(load_site(bed.site_file), recorder=Notes()) as fleet:
        sent = fleet.put_folder(source, "/srv/runbook folder", sudo=True).values()
        assert all(one.sent == 3 * len(ODD) + 3 for one in sent) and read == [source]
        assert all(one.already for one in fleet.put_folder(source, "/srv/runbook folder", sudo=True).values())
        for result in fleet.run(command("stat", "-c", "%a %U", "/srv/runbook folder/-inner dir\n", sudo=True)).values():
            assert result.text == "711 root\n"
        fleet.run(command("rm", "-rf", "/srv/runbook folder", sudo=True)).values()
