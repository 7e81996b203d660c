"""What a measurement stands on: where all of it is the same in two runs, measuring again would tell nothing new."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from runbook.as_json import to_json
from runbook.chapters.signing.seal import is_of_signatures
from runbook.chapters.toolchain.observe import PREPARED
from runbook.contents import Title, title_of
from runbook.entries import Entry
from runbook.remote.command import Script
from runbook.remote.fleet import Fleet
from runbook.remote.question import Question
from runbook.run import Run
from runbook.site import ROOT, GoSource

Parts = Mapping[str, str]
"""What a chapter's measurements stand on, each part by what a person calls it, with the SHA-256 of what it is."""

IDENTITY = Question(
    Script(
        "cat /proc/sys/kernel/random/boot_id; uname -srvm; nproc; grep MemTotal /proc/meminfo\n"
        "for file in /var/lib/dpkg/status /var/lib/rpm/rpmdb.sqlite /var/lib/rpm/Packages; do\n"
        '  [ ! -f "$file" ] || stat -c "%n %s %Y" "$file"\ndone; :'
    ),
    str.strip,
    "identity",
)
"""A host since its last start: its kernel, its size, and when its packages were changed last."""

CODE = ("runbook", "services", "setup")
MACHINE = ("/etc/machine-id", "/var/lib/dpkg/status")  # the compilers here are packages


def ground_of(run: Run, title: Title, source: Path, parameters: Mapping[str, object], hosts: Parts) -> Parts:
    """The parts of a chapter that is about to run; `hosts` is what `identities` found."""
    told = run.entries()
    return {
        "its notebook": _sha256(source.read_bytes()),
        "its parameters": _sha256(json.dumps(to_json(parameters), sort_keys=True).encode()),
        "the site file": _sha256((run.folder / "site.toml").read_bytes()),
        "the runbook": stamp(*(ROOT / name for name in CODE)),
        "the toolchain": _toolchain(run.site.toolchain.go),
        "this machine": _sha256(b"\n".join([platform.version().encode(), *map(_read, MACHINE)])),
        "what was built and deployed": _made(told, with_all_needs(title)),
        **hosts,
    }


def identities(run: Run) -> Parts:
    """Each host of the site by its name; one that does not answer is like no other. Raises nothing of a host."""
    with Fleet.open(run.site, recorder=run.journal) as fleet:
        answers = fleet.ask(IDENTITY)
        return {one.host: _sha256(str(one[IDENTITY] if one.error is None else one.error).encode()) for one in answers}


def differences(before: Parts, now: Parts) -> tuple[str, ...]:
    """The names of the parts that are not the same, or that only one of them has."""
    return tuple(name for name in dict.fromkeys((*now, *before)) if before.get(name) != now.get(name))


def with_all_needs(title: Title) -> frozenset[str]:
    """The chapters that it builds on, and those that these build on."""
    found: set[str] = set()
    waiting = list(title.needs)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting += title_of(name).needs
    return frozenset(found)


def stamp(*folders: Path) -> str:
    """The SHA-256 of names, sizes and times of all files below: quick, and another one after any change."""
    digest = hashlib.sha256()
    for folder in folders:
        for top, below, files in os.walk(folder):
            below[:] = sorted(name for name in below if not name.startswith((".", "__pycache__")))
            for name in sorted(files):
                seen = os.lstat(os.path.join(top, name))
                digest.update(f"{top}/{name} {seen.st_size} {seen.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _toolchain(go: GoSource) -> str:
    """Of one that lies here by its files; of any other by what the site says of it."""
    root = Path(go.where) if go.kind == "dir" else PREPARED
    if go.kind not in ("dir", "version") or not root.is_dir():
        return _sha256(f"{go} {shutil.which('go')}".encode())
    return _sha256(f"{go} {stamp(root / 'bin', root / 'pkg', root / 'src')}".encode())


def _made(told: Iterable[Entry], chapters: frozenset[str]) -> str:
    """The artefacts of the chapters that this one builds on; who vouches for them does not change them."""
    kept = {str(one.get("name")): str(one.get("sha256")) for one in told
            if one.kind == "note" and one.get("about") == "artifact" and one.chapter in chapters
            and not is_of_signatures(str(one.get("name")))}
    return _sha256(json.dumps(kept, sort_keys=True).encode())


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
