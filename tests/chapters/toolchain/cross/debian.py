"""A recipe over the sources that Debian packages: setup/debian-packages-long.txt has the packages' names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

ARCHIVES = {"binutils": "binutils/binutils-*.tar.xz", "linux": "linux-source-*.tar.xz",
            "gcc": "gcc-12/gcc-12.*-dfsg.tar.xz", "glibc": "glibc/glibc-*.tar.xz"}
# Debian leaves GCC's manuals out, and its own patch makes the build do without them.
PATCHES = {"gcc": (Path("/usr/src/gcc-12/patches/gcc-gfdl-build.diff"), 2)}
QUICK = ("CFLAGS=-O1", "CXXFLAGS=-O1")
"""Of the tools themselves, which a test runs for seconds and builds for minutes; what they make is not touched."""


def archives() -> dict[str, Path]:
    """Those that are installed."""
    found = {name: sorted(Path("/usr/src").glob(pattern)) for name, pattern in ARCHIVES.items()}
    return {name: paths[-1] for name, paths in found.items() if paths}


def write_recipe(folder: Path, names: Iterable[str] = tuple(ARCHIVES), triplet: str = "") -> Path:
    """The recipe for riscv64 in `folder`, which is where it is built too."""
    text = f'target = "riscv64"\nprefix = "{folder}/cross"\nwork = "{folder}/work"\njobs = 2\nnice = 15\n'
    for name in names:
        archive = archives()[name]
        with archive.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        text += f'\n[[source]]\nname = "{name}"\nfrom = "archive:{archive}#sha256={sha256}"\n'
        if name in PATCHES:
            patch, strip = PATCHES[name]
            text += f'patches = ["{patch}"]\nstrip = {strip}\n'
    for stage in ("binutils", "gcc-1", "gcc"):
        text += f'\n[[flags]]\nstage = "{stage}"\nconfigure = ["{QUICK[0]}", "{QUICK[1]}"]\n'
    file = folder / "stages.toml"
    file.write_text(text)
    return file
