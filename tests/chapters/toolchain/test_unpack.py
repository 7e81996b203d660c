"""An archive is unpacked whole, into its folder and nowhere else; what is too much, or none, is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook.chapters.toolchain import unpack as unpacking
from runbook.chapters.toolchain.unpack import check_sha256, unpack
from runbook.errors import Blocked

Entry = tuple[str, bytes | None, dict[str, object]]  # name, content, fields of the header


def entry(name: str, content: bytes | None = b"", **fields: object) -> Entry:
    return name, content, fields


def tar_of(*entries: Entry) -> bytes:
    """A tar whose headers say what they are told to."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content, fields in entries:
            header = tarfile.TarInfo(name)
            header.size = len(content or b"")
            for field, value in fields.items():
                setattr(header, field, value)
            tar.addfile(header, io.BytesIO(content or b""))
    return made.getvalue()


def link(name: str, leads: str) -> Entry:
    return entry(name, None, type=tarfile.SYMTYPE, linkname=leads)


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[..., Path]:
    def put(data: bytes) -> Path:
        archive, folder = tmp_path / "go.tar", tmp_path / "in" / "folder"
        archive.write_bytes(data)
        folder.mkdir(parents=True)
        unpack(archive, folder)
        return folder
    return put


@pytest.mark.parametrize("packed", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_tar_is_unpacked_however_it_is_compressed(unpacked, packed: Callable[[bytes], bytes]) -> None:
    folder = unpacked(packed(tar_of(
        entry("go", None, type=tarfile.DIRTYPE, mode=0o555), entry("go/bin/go", b"#!/bin/sh\n", mode=0o555),
        entry("go/VERSION", b"go1.16.4\n", mode=0o444), entry("go/" + "a" * 200, b"long"),
        entry("go/twin", None, type=tarfile.LNKTYPE, linkname="go/VERSION"), link("go/src", "../go/bin"))))
    assert (folder / "go/VERSION").read_text() == (folder / "go/twin").read_text() == "go1.16.4\n"
    assert os.access(folder / "go/bin/go", os.X_OK) and (folder / "go/VERSION").stat().st_mode & 0o777 == 0o644
    assert (folder / "go" / ("a" * 200)).read_text() == "long" and (folder / "go/src/go").exists()


@pytest.mark.parametrize(("entries", "told"), [
    ([entry("/etc/runbook-was-here", b"x")], "outside"),
    ([entry("go/../../x", b"x")], "outside"),
    ([entry("../x", b"x")], "outside"),
    ([link("go/etc", "/etc")], "leads out, to /etc"),
    ([link("go/up", "../../..")], "leads out"),
    ([link("go/a", "b"), link("go/b", "../../x")], "leads out"),
    ([link("go/out", "../../../tmp"), entry("go/out/x", b"x")], "twice"),
    ([link("go/out", "/tmp"), entry("go/out", b"x")], "twice"),
    ([entry("go/x", b"1"), entry("go/x", b"2")], "twice"),
    ([entry("go", b"1"), entry("go/x", b"2")], "twice"),
    ([entry("go/hard", None, type=tarfile.LNKTYPE, linkname="/etc/passwd")], "outside"),
    ([entry("go/hard", None, type=tarfile.LNKTYPE, linkname="go/nothing")], "does not come before it"),
    ([entry("go/null", None, type=tarfile.CHRTYPE, devmajor=1, devminor=3)], "no file, no folder and no link"),
    ([entry("go/pipe", None, type=tarfile.FIFOTYPE)], "no file, no folder and no link"),
])
def test_what_would_land_or_lead_elsewhere_is_refused_by_its_name(
    unpacked, tmp_path: Path, entries: list[Entry], told: str
) -> None:
    with pytest.raises(Blocked, match=told) as refused:
        unpacked(tar_of(*entries))
    assert "is refused" in refused.value.what and "ask the vendor" in refused.value.next
    assert sorted(one.name for one in tmp_path.iterdir()) == ["go.tar", "in"]
    assert [one.name for one in (tmp_path / "in").iterdir()] == ["folder"]


def test_a_bomb_of_many_entries_or_many_bytes_is_stopped(unpacked, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MOST_FILES", 10)
    with pytest.raises(Blocked, match="'go/10' is refused: with it there are more than 10 entries"):
        unpacked(tar_of(*(entry(f"go/{number}", b"x") for number in range(20))))
    assert len(list((tmp_path / "in/folder/go").iterdir())) == 10


def test_a_bomb_is_stopped_by_what_it_claims_before_a_byte_of_it_is_written(unpacked, tmp_path: Path) -> None:
    claimed = tarfile.TarInfo("go/bomb")
    claimed.size = 5 << 30
    with pytest.raises(Blocked, match="4 GiB, which is no Go"):
        unpacked(gzip.compress(claimed.tobuf() + bytes(1 << 20)))
    assert not (tmp_path / "in/folder/go").exists()


def test_a_header_that_claims_gigabytes_is_not_read_into_memory(unpacked) -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    with pytest.raises(Blocked, match="a header of more than 1048576 bytes"):
        unpacked(gzip.compress(header.tobuf(format=tarfile.GNU_FORMAT) + bytes(8 << 20)))


@pytest.mark.parametrize("data", [
    b"", b"PK\x03\x04" + bytes(600), b"no archive at all" * 100, gzip.compress(tar_of(entry("go/x", b"x" * 9000)))[:60],
    lzma.compress(tar_of(entry("go/x", os.urandom(9000))))[:2000], b"\x1f\x8b" + bytes(100),
    tar_of(entry("go/x", b"x" * 9000))[:3000],
])
def test_a_damaged_archive_is_refused_and_no_traceback_comes(unpacked, data: bytes) -> None:
    with pytest.raises(Blocked, match="is damaged, or no tar"):
        unpacked(data)


def test_another_sum_is_refused_before_anything_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "go.tar").write_bytes(b"one")
    with pytest.raises(Blocked, match="nothing of it is unpacked") as refused:
        check_sha256(tmp_path / "go.tar", "0" * 64)
    assert "ask the vendor for its sum" in refused.value.next
    with pytest.raises(Blocked, match="No such file"):
        check_sha256(tmp_path / "none.tar", "0" * 64)
