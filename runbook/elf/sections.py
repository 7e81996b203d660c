"""The contents of a binary's sections, each by its SHA-256: two builds compared part by part."""

from __future__ import annotations

import hashlib
from pathlib import Path

from runbook.elf.image import Image

CHUNK = 1 << 20


def section_hashes(path: Path) -> dict[str, str]:
    """SHA-256 of each named section that has bytes in the file. Raises BinaryError as `read` does."""
    found: dict[str, str] = {}
    with path.open("rb") as stream:
        image = Image(stream, str(path))
        for part in image.sections:
            if not part.name or not part.size or part.name in found:
                continue
            digest = hashlib.sha256()
            for start in range(0, part.size, CHUNK):
                digest.update(image.bytes_at(part.offset + start, min(CHUNK, part.size - start)))
            found[part.name] = digest.hexdigest()
    return found
