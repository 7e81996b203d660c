"""A Go made of its sources on a host of the site: brought there, made under a lease, and fetched whole."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from runbook.chapters.buildhost.bench import Bench
from runbook.chapters.buildhost.carried import carried
from runbook.chapters.buildhost.decide import FOLDER
from runbook.chapters.buildhost.go import INSTEAD, go_there, version_there
from runbook.chapters.buildhost.observe import BuildHost
from runbook.chapters.buildhost.parcel import parcel_of
from runbook.chapters.toolchain import store
from runbook.chapters.toolchain.from_host import CONTENT, fetch_into
from runbook.chapters.toolchain.make import (
    LIMIT,
    LOG,
    MADE,
    MAKE,
    Making,
    failed,
    least_bootstrap,
    numbers_of,
    stages,
)
from runbook.errors import Blocked
from runbook.remote.command import Script

WITHOUT_C = (1, 20)
"""The first Go whose make.bash leaves cgo out where there is no C compiler (https://go.dev/doc/go1.20#cgo)."""
BUILT_HERE = re.compile("bin|pkg")
"""What another build left in a tree."""
BUILT = re.compile(r"bin|pkg|(.*/)?\.git")
"""The same of one whose history is not asked for."""
THERE = Script('[ -e "$1" ] && echo there || :')


def require_for_make(seen: BuildHost, wanted: Making) -> None:
    """Raises Blocked where the host is of another machine than this one, or lacks what make.bash wants."""
    here = os.uname().machine
    if seen.machine != here:
        raise Blocked(f"{seen.name} is {seen.machine}: a Go that is made there does not run on this machine, {here}",
                      next=f"name a host of the same machine in [build] on, or {INSTEAD}")
    if "bash" not in seen.has:
        raise Blocked(f"{seen.name} has no bash, and make.bash wants one", next=f"install it there, or {INSTEAD}")
    numbers = numbers_of(wanted.version)[:2]
    if not seen.compiler and numbers and numbers < WITHOUT_C:
        raise Blocked(f"{seen.name} has no C compiler, and make.bash of Go {wanted.version} wants one",
                      next=f"install gcc on {seen.name}, or {INSTEAD}")


def make_there(wanted: Making, bench: Bench, own: str = "", told: Callable[[str], object] = lambda stage: None) -> Path:
    """Makes it on the host, or goes on with what runs there, or takes what is here; `own` is the host's own Go.

    `told` hears of each stage. Nothing of it stays on the host but its sources and the Go that it was made by, in the
    cache folder. Raises BuildFailed with the log's last lines, Blocked, TransferFailed and the errors of a host.
    """
    require_for_make(bench.seen, wanted)
    store.STORE.mkdir(parents=True, exist_ok=True)
    with store.held(store.STORE / f"{wanted.key}.lock"):
        if not store.is_whole(wanted.folder):
            work = f"{FOLDER}/make/{wanted.key}"
            if not bench.shell.run(THERE.command(f"{work}/{MADE}")).text:
                _carry(wanted, bench, work, own, told)
            _fetch(wanted, bench, f"{work}/{store.TREE}")
            bench.drop(work)
    return wanted.folder / store.TREE


def _carry(wanted: Making, bench: Bench, work: str, own: str, told: Callable[[str], object]) -> None:
    released = (wanted.sources / "VERSION").exists()  # one that was never takes its version from its history
    left_out = BUILT if released else BUILT_HERE
    sources = bench.bring(parcel_of(wanted.sources, left_out.fullmatch), "sources")
    bootstrap = _bootstrap(wanted, bench, own)
    bench.trim()
    words = Script(MAKE, limit=LIMIT).command(sources, work, bootstrap, str(wanted.folder / store.TREE))

    def renewed(stage: str) -> None:
        bench.renew()
        told(stage)

    with stages(bench.shell, renewed) as heard:
        ended = carried(bench.shell, words, name=wanted.lease, log=wanted.log, heard=heard)
    if ended.exit_code or not bench.shell.run(THERE.command(f"{work}/{MADE}")).text:
        bench.drop(work)
        raise failed(wanted, f"on {bench.name}: {ended.how()}")


def _bootstrap(wanted: Making, bench: Bench, own: str) -> str:
    """The host's own Go, where the site names one that is new enough; else the one that would be taken here."""
    if own and numbers_of(version_there(bench.shell, own)) >= least_bootstrap(wanted.sources):
        return own
    return go_there(bench, wanted.bootstrap)


def _fetch(wanted: Making, bench: Bench, tree: str) -> None:
    content = bench.shell.run(CONTENT.command(tree)).text.split()[0]
    whole = store.STORE / f"{wanted.key}.fetched"
    shutil.rmtree(whole, ignore_errors=True)  # of one that was killed: the key's lock is ours
    try:
        (whole / store.TREE).mkdir(parents=True)
        fetch_into(bench.shell, tree, content, whole / store.TREE)
        if wanted.log.exists():
            wanted.log.replace(whole / LOG)
        else:
            (whole / LOG).write_text(f"made on {bench.name} while nobody here heard what it said\n")
        store.seal(whole)
        shutil.rmtree(wanted.folder, ignore_errors=True)
        os.replace(whole, wanted.folder)
    finally:
        shutil.rmtree(whole, ignore_errors=True)
