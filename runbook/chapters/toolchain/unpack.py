"""An archive of Go, unpacked: nothing of it lands outside its folder, and none of it is without a bound."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from runbook.digest import sha256_of
from runbook.errors import Blocked

MOST_FILES, MOST_BYTES = 100_000, 4 << 30
"""A release of Go has some 15,000 files and 270 MB; with the history of its sources a gigabyte."""
MOST_HEADER = 1 << 20  # bytes between two files: a header is 512, with a long name some more
PIECE = 1 << 20
TWICE = "it stands there twice"
MAGIC = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\x00", lzma.open))
DAMAGED = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, ValueError)


class Metered:
    """A stream that gives no more than it is told to: a header that claims gigabytes is not read into memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.left = MOST_HEADER

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise tarfile.ReadError(f"a header of more than {MOST_HEADER} bytes")
        return data


def check_sha256(archive: Path, wanted: str) -> None:
    """Raises Blocked where the archive cannot be read or is another one."""
    try:
        found = sha256_of(archive)
    except OSError as error:
        raise Blocked(f"{archive}: {error.strerror}", next="name an archive that is there in [toolchain] go") from error
    if found != wanted:
        raise Blocked(f"{archive} has the SHA-256 {found}, and the site says {wanted}: nothing of it is unpacked",
                      next="fetch it again; where it is the one that the vendor gave, ask the vendor for its sum and "
                           "write that into [toolchain] go")


def unpack(archive: Path, folder: Path) -> None:
    """Writes a tar, plain or compressed with gzip, bzip2 or xz, into an empty folder.

    Raises Blocked with the entry's name where it would land or lead outside, is no file, folder or link, stands
    twice, or where all is more than any Go; and where the archive is damaged. Raises OSError for a full disk.
    """
    try:
        with archive.open("rb") as raw:
            first = raw.read(6)
        opened = next((how for magic, how in MAGIC if first.startswith(magic)), open)
        with opened(archive, "rb") as stream:
            _all(archive, Metered(stream), folder)
    except DAMAGED as error:
        raise Blocked(f"{archive} is damaged, or no tar: {error}",
                      next="fetch it again; a zip has to be packed anew as a tar") from error


def _all(archive: Path, stream: Metered, folder: Path) -> None:
    links: dict[Path, str] = {}
    files = size = 0
    with tarfile.open(fileobj=stream, mode="r|") as tar:  # type: ignore[call-overload]
        for entry in _entries(tar, stream):
            place = _place(archive, entry.name, folder)
            files += 1
            size += entry.size if entry.isreg() else 0
            if files > MOST_FILES or size > MOST_BYTES:
                raise _refused(archive, entry.name, f"with it there are more than {MOST_FILES} entries or "
                                                    f"{MOST_BYTES >> 30} GiB, which is no Go")
            if place in links:
                raise _refused(archive, entry.name, TWICE)
            try:
                if entry.isdir():
                    place.mkdir(parents=True, exist_ok=True)
                    continue
                place.parent.mkdir(parents=True, exist_ok=True)
                if entry.isreg():
                    stream.left = entry.size + MOST_HEADER
                    _write(tar.extractfile(entry), place, entry.mode)  # type: ignore[arg-type]
                elif entry.issym():
                    links[place] = entry.linkname
                elif entry.islnk():
                    os.link(_place(archive, entry.linkname, folder), place)
                else:
                    raise _refused(archive, entry.name, "it is no file, no folder and no link")
            except (FileExistsError, NotADirectoryError) as error:
                raise _refused(archive, entry.name, TWICE) from error
            except FileNotFoundError as error:
                raise _refused(archive, entry.name, f"{entry.linkname} does not come before it") from error
    _link(archive, links, folder)


def _link(archive: Path, links: dict[Path, str], folder: Path) -> None:
    """Links come last, so that nothing was ever written through one."""
    for place, leads in links.items():
        try:
            place.symlink_to(leads)
        except FileExistsError as error:
            raise _refused(archive, str(place.relative_to(folder)), TWICE) from error
    root = folder.resolve()
    for place, leads in links.items():
        if os.path.isabs(leads) or not place.resolve().is_relative_to(root):
            raise _refused(archive, str(place.relative_to(folder)), f"it is a link that leads out, to {leads}")


def _entries(tar: tarfile.TarFile, stream: Metered) -> Iterator[tarfile.TarInfo]:
    while True:
        stream.left = MOST_HEADER
        entry = tar.next()
        if entry is None:
            return
        tar.members.clear()  # it keeps every header, for a second reading that never comes
        yield entry


def _place(archive: Path, name: str, folder: Path) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise _refused(archive, name, "it would land outside of the folder")
    return folder / path


def _write(source: IO[bytes], place: Path, mode: int) -> None:
    with place.open("xb") as file:
        while piece := source.read(PIECE):
            file.write(piece)
    place.chmod(0o755 if mode & 0o111 else 0o644)


def _refused(archive: Path, name: str, why: str) -> Blocked:
    return Blocked(f"{archive}: the entry {name!r} is refused: {why}",
                   next="ask the vendor for an archive as `tar` makes one of the folder `go`")
