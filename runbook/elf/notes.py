"""Build identities: the notes that linkers leave in a binary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runbook.elf.image import Image

GNU_BUILD_ID = ("GNU", 3)  # NT_GNU_BUILD_ID, binutils include/elf/common.h
GO_BUILD_ID = ("Go", 4)  # ELF_NOTE_GOBUILDID_TAG, Go's cmd/link/internal/ld/elf.go
NOTE_LIMIT = 64
"""Notes of one segment, and segments with notes, that are looked at; a program has two or three."""
SIZE_LIMIT = 64 << 10


@dataclass(frozen=True)
class Note:
    """One note: who wrote it, of which kind, and what it says."""

    owner: str
    kind: int
    content: bytes


def notes(image: Image) -> Iterator[Note]:
    """The notes of all PT_NOTE segments, at most NOTE_LIMIT of each; a note cut short ends its segment."""
    order = image.byte_order
    for part in [part for part in image.segments if part.kind == "PT_NOTE"][:NOTE_LIMIT]:
        data, at = image.bytes_at(part.offset, min(part.size, SIZE_LIMIT)), 0
        for _ in range(NOTE_LIMIT):
            if at + 12 > len(data):
                break
            name_size, size, kind = (
                int.from_bytes(data[at + step : at + step + 4], order) for step in (0, 4, 8)
            )
            start = at + 12 + _padded(name_size)
            if start + size > len(data):
                break
            owner = data[at + 12 : at + 12 + name_size].rstrip(b"\0").decode("utf-8", "replace")
            yield Note(owner, kind, data[start : start + size])
            at = start + _padded(size)


def _padded(size: int) -> int:
    """Notes are padded to 4 bytes, in 64-bit files too (System V ABI as practised by Linux)."""
    return (size + 3) & ~3
