"""What is brought to a host that compiles: a folder of this machine without what nobody needs there."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from runbook.digest import sha256_of
from runbook.remote.tree import FILE, FOLDER, Entry, Tree

RUN, READ = 0o755, 0o644
KEY_LENGTH = 24  # hexadecimal digits of a SHA-256: enough to tell contents apart, and to be read in a path
UNUSED = re.compile(r"(api|doc|misc|test|pkg/obj|pkg/bootstrap|src/cmd)|.*_test\.go|(.*/)?(testdata|\.git)")
"""Of a Go that is only to compile: its own tests, its papers, and the sources of its tools, which are built."""


def parcel(folder: Path, names: Iterable[str]) -> Tree:
    """The files of those names below the folder. Raises OSError."""
    entries, made = [Entry(b".", FOLDER, RUN)], {""}
    for name in sorted(names):
        parts = name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            above = "/".join(parts[:depth])
            if above not in made:
                made.add(above)
                entries.append(Entry(os.fsencode(above), FOLDER, RUN))
        entries.append(_entry(folder, name))
    return Tree(folder, tuple(entries))


def parcel_of(folder: Path, left_out: Callable[[str], object]) -> Tree:
    """All files below the folder but those left out; links are followed, as a distribution has them in place of
    folders. Raises OSError."""
    return parcel(folder, _files(folder, "", left_out, frozenset({os.path.realpath(folder)})))


def content_of(tree: Tree) -> str:
    """Names it by what it holds."""
    told = "".join(f"{one.name!r} {one.kind} {one.mode:o} {one.sha256}\n" for one in tree.entries)
    return hashlib.sha256(told.encode()).hexdigest()[:KEY_LENGTH]


def _entry(folder: Path, name: str) -> Entry:
    path = folder / name
    seen = path.stat()
    return Entry(os.fsencode(name), FILE, RUN if seen.st_mode & 0o111 else READ, seen.st_size, sha256_of(path))


def _files(folder: Path, inner: str, left_out: Callable[[str], object], above: frozenset[str]) -> Iterator[str]:
    for found in os.scandir(folder / inner):
        name = f"{inner}{found.name}"
        if left_out(name):
            continue
        if found.is_dir():
            real = os.path.realpath(found.path)
            if real not in above:  # a link to a folder that holds it has no end
                yield from _files(folder, f"{name}/", left_out, above | {real})
        elif found.is_file():
            yield name
