"""A pack of small files: its headers are tarfile's own, and what changed since it was read is noticed."""

from __future__ import annotations

import io
import os
import tarfile
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runbook.remote.pack import Changed, _header, packs
from runbook.remote.tree import KEPT, SETTLED_NS, Tree

KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE])
NAMES = st.binary(min_size=1, max_size=130).map(lambda raw: b"n" + raw.replace(b"\0", b"").strip(b"/"))


@given(NAMES, st.integers(0, 0o777), KINDS, st.integers(0, 8 ** 11 - 1), NAMES)
@example(b"n" * 99, 0o644, tarfile.REGTYPE, 8 ** 11 - 1, b"l")
@example(b"n" * 100, 0o755, tarfile.DIRTYPE, 0, b"l" * 100)
@example(b"tree/\xff\n", 0o600, tarfile.SYMTYPE, 0, b"\xfe" * 101)
def test_a_header_is_the_one_that_tarfile_makes(name: bytes, mode: int, kind: bytes, size: int, link: bytes) -> None:
    size, link = (size, b"") if kind == tarfile.REGTYPE else (0, link if kind == tarfile.SYMTYPE else b"")
    info = tarfile.TarInfo(os.fsdecode(name))
    info.mode, info.type, info.size, info.linkname = mode, kind, size, os.fsdecode(link)
    assert _header(name, mode, kind, size, link) == info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files that nobody has changed for a while."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("a", "b"):
        (source / name).write_bytes(b"before " + name.encode())
        settled = time.time_ns() - 100 * SETTLED_NS
        os.utime(source / name, ns=(settled, settled))
    return source


def test_a_pack_is_an_archive_of_what_was_read(folder: Path) -> None:
    tree = Tree.readable(folder)
    pack, = packs(tree, tree.entries[1:])
    with tarfile.open(fileobj=io.BytesIO(pack.data)) as archive:
        assert archive.extractfile("tree/b").read() == b"before b"
        assert archive.extractfile("names").read() == b"./a\0./b\0"
    assert set(tree.kept) == {b"a", b"b"}


@pytest.mark.parametrize("told", [True, False], ids=["its time of change tells it", "its time was set back"])
def test_a_change_of_the_same_size_is_noticed_though_the_content_was_kept(folder: Path, told: bool) -> None:
    tree = Tree.readable(folder)
    before = os.stat(folder / "a").st_mtime_ns
    (folder / "a").write_bytes(b"after_ a")
    if not told:
        os.utime(folder / "a", ns=(before, before))
    with pytest.raises(Changed, match="source/a"):
        list(packs(tree, tree.entries[1:]))


def test_a_touched_file_is_sent_all_the_same(folder: Path) -> None:
    tree = Tree.readable(folder)
    os.utime(folder / "a")
    assert len(list(packs(tree, tree.entries[1:]))) == 1


def test_what_was_just_written_or_is_too_much_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "new").write_bytes(b"just now")
    assert set(Tree.readable(folder).kept) == {b"a", b"b"}
    assert KEPT > 1 << 20
    monkeypatch.setattr("runbook.remote.tree.KEPT", 10)
    tree = Tree.readable(folder)
    assert set(tree.kept) == {b"a"} and len(list(packs(tree, tree.entries[1:]))) == 1
