"""An archive may do no harm: whatever leads out of its folder is refused by name, and so is too much."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from runbook.chapters.toolchain.cross.archive import unpack
from runbook.errors import BuildFailed


def member(name: str, kind: bytes = tarfile.REGTYPE, to: str = "", size: int = 3, mode: int = 0o644) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size, made.mode = kind, to, size if kind == tarfile.REGTYPE else 0, mode
    made.uid = made.gid = 12345
    return made


def archive(folder: Path, *members: tarfile.TarInfo) -> Path:
    path = folder / "sources.tar.xz"
    with tarfile.open(path, "w:xz") as made:
        for one in members:
            made.addfile(one, io.BytesIO(b"x" * one.size))
    return path


def test_a_plain_archive_is_unpacked_with_its_links_and_without_its_owners(tmp_path: Path) -> None:
    made = archive(tmp_path, member("p/src/a", mode=0o4777), member("p/link", tarfile.SYMTYPE, "src/a"),
                   *(member(name, tarfile.LNKTYPE, "p/src/a", mode=0o755) for name in ("p/again", "p/src/a")),
                   member("p/up", tarfile.SYMTYPE, "src/../src/a"))
    root = unpack(made, tmp_path / "out")
    assert root == tmp_path / "out" / "p" and (root / "link").read_text() == (root / "up").read_text() == "xxx"
    status = (root / "src" / "a").stat()
    assert status.st_uid != 12345 and status.st_mode & 0o7777 == 0o755 and status.st_nlink == 2


@pytest.mark.parametrize(("members", "words"), [
    ((member("../out.txt"),), "its path leads out"),
    ((member("/tmp/out.txt"),), "its path leads out"),
    ((member("p/../../out.txt"),), "its path leads out"),
    ((member("p/l", tarfile.SYMTYPE, "/etc/passwd"),), "a link that leads out of the folder, to /etc/passwd"),
    ((member("p/l", tarfile.SYMTYPE, "../../x"),), "a link that leads out"),
    ((member("p/l", tarfile.LNKTYPE, "../x"),), "a link that leads out"),
    ((member("e", tarfile.SYMTYPE, "d/x/../y"), member("d/x", tarfile.SYMTYPE, "..")), "a link that leads out"),
    ((member("e", tarfile.SYMTYPE, "d/x/../y"), member("d/x", tarfile.SYMTYPE, ".."), member("e/f")), "leads out"),
    ((member("p/null", tarfile.CHRTYPE),), "neither a file nor a folder nor a link"),
    ((member("p/pipe", tarfile.FIFOTYPE),), "neither a file nor a folder nor a link"),
])
def test_what_leads_out_is_refused_by_its_name(
    tmp_path: Path, members: tuple[tarfile.TarInfo, ...], words: str
) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    with pytest.raises(BuildFailed, match=words):
        unpack(archive(inner, *members), inner / "out")
    assert {path.name for path in inner.iterdir()} == {"sources.tar.xz", "out"}
    assert not (tmp_path / "y").exists() and not (inner / "y").exists() and not (inner / "out.txt").exists()


def test_a_bomb_is_stopped_on_its_way(tmp_path: Path) -> None:
    made = archive(tmp_path, *(member(f"p/{number}", size=1 << 20) for number in range(12)))
    assert made.stat().st_size < 1 << 16
    with pytest.raises(BuildFailed, match="more than 8 MiB or .* a bomb"):
        unpack(made, tmp_path / "out", largest=8 << 20)
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file()) <= 8 << 20
    with pytest.raises(BuildFailed, match="a bomb"):
        unpack(made, tmp_path / "many", most=10)


@pytest.mark.parametrize("content", [b"", b"no archive", b"\xfd7zXZ\0damaged"])
def test_what_is_no_archive_is_told_as_such(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar.xz").write_bytes(content)
    with pytest.raises(BuildFailed, match="no whole tar archive"):
        unpack(tmp_path / "x.tar.xz", tmp_path / "out")


def test_half_an_archive_is_told_as_such(tmp_path: Path) -> None:
    made = archive(tmp_path, member("p/a", size=1 << 16), member("p/b", size=1 << 16))
    made.write_bytes(made.read_bytes()[: made.stat().st_size // 2])
    with pytest.raises(BuildFailed, match="no whole tar archive"):
        unpack(made, tmp_path / "out")
