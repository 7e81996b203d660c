"""What the tests of a package find around them, as in Go's own tree: `go test` runs them in the package's folder."""

from __future__ import annotations

import io
import os
import tarfile
import tomllib
from functools import cache
from pathlib import Path

from runbook.chapters.toolchain.std_tests import FILE
from runbook.chapters.visit import Around

TESTDATA = "testdata"
ROOT = "go"  # what GOROOT is called on the host
MODIFIED = 315532800  # seconds: 1980, when a zip's time begins; the epoch itself is no time to Go's net/http


def around(root: Path, package: str) -> Around:
    """The package's own files, its `testdata` and those of the folders above it, and what std_tests.toml names for it.

    Its other subfolders are there and empty. Packed so that the same files are the same bytes.
    """
    source = root / "src"
    folder = source / package
    found = {path for path in folder.glob("*") if path.is_file()}
    for place in (folder, *folder.parents):
        if place == root or root not in place.parents:
            break
        found |= files_below(place / TESTDATA)
    for more in needed(package):
        found |= files_below(root / more) | {root / more}
    found |= {root / "VERSION", source / "go.mod"}
    files = sorted(path for path in found if path.is_file())
    folders = [folder, *sorted(path for path in folder.glob("*") if path.is_dir())]
    return Around(packed(root, folders, files), f"{ROOT}/src/{package}", "GOROOT", ROOT)


def files_below(folder: Path) -> set[Path]:
    return {Path(parent, name) for parent, _, names in os.walk(folder) for name in names}


@cache
def needed(package: str) -> tuple[str, ...]:
    """Other files and folders of the tree that the tests of a package read."""
    return tuple(path for one in tomllib.loads(FILE.read_text("utf-8")).get("needs", ())
                 if one["package"] == package for path in one["files"])


def packed(root: Path, folders: list[Path], files: list[Path]) -> bytes:
    """A tar of them below ROOT, without owners and times; what is a link in the tree is a file there."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.PAX_FORMAT) as made:
        for path in folders:
            entry = tarfile.TarInfo(f"{ROOT}/{path.relative_to(root).as_posix()}")
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            made.addfile(entry)
        for path in files:
            data = path.read_bytes()
            entry = tarfile.TarInfo(f"{ROOT}/{path.relative_to(root).as_posix()}")
            entry.size, entry.mtime = len(data), MODIFIED
            entry.mode = 0o755 if os.access(path, os.X_OK) else 0o644
            made.addfile(entry, io.BytesIO(data))
    return whole.getvalue()
