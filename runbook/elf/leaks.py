"""Paths of the machine that built a binary, where they were left in its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

SHORTEST = 5
"""Letters of a path that is looked for: `/`, `/tmp` and `/usr` stand in any program and tell nothing of a build."""


def leaked(path: Path, folders: Iterable[Path | str]) -> tuple[str, ...]:
    """Those of the folders whose absolute path stands in the file, each once, in the order given."""
    data = path.read_bytes()
    names = dict.fromkeys(str(folder).rstrip("/") for folder in folders)
    return tuple(name for name in names if len(name) >= SHORTEST and name.startswith("/")
                 and name.encode("utf-8", "surrogateescape") + b"/" in data)
