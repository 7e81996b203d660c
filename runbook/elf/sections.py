"""The contents of a binary's sections: two builds compared part by part, and what does not agree accounted for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook.elf.image import Image, Part

CHUNK = 1 << 20
HEADERS = "headers"
"""How the bytes are called that lie in no section: the ELF header, the tables, and what fills up between."""


@dataclass(frozen=True)
class Difference:
    """One section that is not the same in two files; all in bytes, `first` counts from the section's start."""

    section: str
    size: int
    other_size: int
    first: int
    differing: int  # of those that both have

    def __str__(self) -> str:
        if not self.size or not self.other_size:
            return f"{self.section} is in one of them only"
        sizes = "" if self.size == self.other_size else f", {self.size} and {self.other_size} bytes long"
        return f"{self.section}: {self.differing} bytes differ, the first at {self.first:#x}{sizes}"


def section_hashes(path: Path) -> dict[str, str]:
    """SHA-256 of each named section that has bytes in the file. Raises BinaryError as `read` does."""
    found: dict[str, str] = {}
    with path.open("rb") as stream:
        image = Image(stream, str(path))
        for part in _with_bytes(image):
            digest = hashlib.sha256()
            for start in range(0, part.size, CHUNK):
                digest.update(image.bytes_at(part.offset + start, min(CHUNK, part.size - start)))
            found[part.name] = digest.hexdigest()
    return found


def changed(first: Path, second: Path) -> tuple[tuple[str, ...], int]:
    """The sections that are not the same in two files, by name, and how many were compared."""
    one, other = section_hashes(first), section_hashes(second)
    names = sorted(one.keys() | other.keys())
    return tuple(name for name in names if one.get(name) != other.get(name)), len(names)


def differences(first: Path, second: Path) -> tuple[Difference, ...]:
    """An account of two files that should be equal: each section that is not, in the order of the first file.

    Where all sections agree, but the files do not, it is their headers. Raises BinaryError as `read` does.
    """
    one, other = _contents(first), _contents(second)
    names = dict.fromkeys([*one, *other])
    told = tuple(_difference(name, one.get(name, b""), other.get(name, b"")) for name in names
                 if one.get(name) != other.get(name))
    whole, again = first.read_bytes(), second.read_bytes()
    return told or ((_difference(HEADERS, whole, again),) if whole != again else ())


def _difference(name: str, one: bytes, other: bytes) -> Difference:
    unlike = [at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b]
    first = unlike[0] if unlike else min(len(one), len(other))
    return Difference(name, len(one), len(other), first, len(unlike))


def _contents(path: Path) -> dict[str, bytes]:
    with path.open("rb") as stream:
        image = Image(stream, str(path))
        return {part.name: image.bytes_at(part.offset, part.size) for part in _with_bytes(image)}


def _with_bytes(image: Image) -> Iterator[Part]:
    """The named sections that have bytes in the file, each name once."""
    seen: set[str] = set()
    for part in image.sections:
        if part.name and part.size and part.name not in seen:
            seen.add(part.name)
            yield part
