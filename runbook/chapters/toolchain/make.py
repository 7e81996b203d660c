"""A Go made of its own sources by the ordinary make.bash, into a folder named by what it was made of."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.buildhost.carried import carried
from runbook.chapters.toolchain import store
from runbook.chapters.toolchain.goroot import look_at, sources_sha256, version_of
from runbook.chapters.toolchain.place import PREPARED, on_the_path, released
from runbook.errors import Blocked, BuildFailed
from runbook.remote.command import Script
from runbook.remote.strict import StrictShell

LIMIT = 3 * 3600.0  # seconds; four minutes are usual on two cores, a slow machine under load may need an hour
LOG, MADE = "make.log", "made"
DISTRIBUTIONS = Path("/usr/lib")  # where Debian and its kin have go-1.19 and others side by side
OLDEST = (1, 4)  # what a Go needs to be built with that names nothing newer: golang.org/doc/install/source
MINIMUM = re.compile(r'minBootstrap = "go([\d.]+)"|^bootgo=([\d.]+)', re.MULTILINE)
STAGE = re.compile(r"^(Building [^\n]*?)\.?$", re.MULTILINE)
MAKE = """
set -eu
from=$1 folder=$2 bootstrap=$3 final=${4-}
rm -rf -- "$folder"
mkdir -p -- "$folder/tree" "$folder/home"
cd "$from"
for one in * .git; do
  case $one in
    bin|pkg|'*') continue ;;                            # another build's
    .git) [ -e .git ] && [ ! -e VERSION ] || continue ;; # a tree without a VERSION takes it from there
  esac
  cp -RH -- "$one" "$folder/tree/" # Debian has links in place of the folders
done
chmod -R u+w "$folder/tree"
cd "$folder/tree/src"
env -i PATH="$PATH" HOME="$folder/home" GOROOT_BOOTSTRAP="$bootstrap" GOENV=off GOTOOLCHAIN=local \
  ${final:+"GOROOT_FINAL=$final"} bash ./make.bash 2>&1
rm -rf -- "$folder/home" "$folder/tree/pkg/obj"
: >"$folder/made"
"""
"""Of the tree `$1`, without what was built there before, in the folder `$2`, by the Go `$3`. It is built where it
stays, or told by `$4` where that will be, since an old Go writes its folder's name into its programs."""


@dataclass(frozen=True)
class Making:
    """What is to be made: of which tree, in which folder, and by which Go."""

    sources: Path
    key: str
    version: str
    bootstrap: Path

    @property
    def folder(self) -> Path:
        return store.STORE / self.key

    @property
    def lease(self) -> str:
        """How it is called among a machine's leases."""
        return f"make {self.key}"

    @property
    def log(self) -> Path:
        """What it says, while it is made and where that failed."""
        return store.STORE / f"{self.key}.{LOG}"

    def __str__(self) -> str:
        return f"Go {self.version or 'of no release'}, by its own make.bash and Go {version_of(self.bootstrap)}"


def key_of(root: Path) -> str:
    """Of all files that a Go is made of, and of the machine that it is for."""
    sources, _ = sources_sha256(root / "src")
    told = f"make {sources} {version_of(root)} {os.uname().machine}"
    return hashlib.sha256(told.encode()).hexdigest()[:store.KEY_LENGTH]


def finished(root: Path) -> Path | None:
    """What was made of the tree before; None where nothing was, or not to its end, or something of it is gone."""
    folder = store.STORE / key_of(root)
    if not store.is_whole(folder):
        return None
    os.utime(folder / store.RECORD)  # in use: not among the first to be forgotten
    return folder / store.TREE


def making(root: Path, shell: StrictShell) -> Making:
    """How the tree is made. Raises Blocked where it has no make.bash, or no Go is here to begin with."""
    if not look_at(root).buildable:
        raise Blocked(f"{root} has no src/make.bash and src/cmd/dist: no Go is made of it",
                      next="ask its vendor for the whole tree of sources, and name that in [toolchain] go")
    return Making(root, key_of(root), version_of(root), bootstrap_for(root, shell))


def bootstrap_for(root: Path, shell: StrictShell) -> Path:
    """A Go of this machine that is new enough to build the tree; where none is, Go fetches the one that it names."""
    wanted = least_bootstrap(root)
    distributed = sorted(DISTRIBUTIONS.glob("go-1.*"), reverse=True)
    for found in (PREPARED, *on_the_path(shell), *distributed):
        numbers = numbers_of(version_of(found))
        if (found / "bin" / "go").exists() and numbers >= wanted and found.resolve() != root.resolve():
            return found
    return released(".".join(map(str, wanted)), shell)


def least_bootstrap(root: Path) -> tuple[int, ...]:
    """What the tree's own builder asks for."""
    for name in ("cmd/dist/buildtool.go", "make.bash"):
        path = root / "src" / name
        found = MINIMUM.search(path.read_text("utf-8", "replace")) if path.exists() else None
        if found:
            return numbers_of(found[1] or found[2])
    return OLDEST


def make(wanted: Making, shell: StrictShell, told: Callable[[str], object] = lambda stage: None) -> Path:
    """Makes it, or goes on with what another process of this machine began, or takes what is there.

    `told` hears of each stage as it begins. The work is a lease: it outlives this process, and whoever asks next is
    attached to it. One that was killed begins anew. Raises BuildFailed with the log's last lines.
    """
    store.STORE.mkdir(parents=True, exist_ok=True)
    with store.held(store.STORE / f"{wanted.key}.lock"):
        if not store.is_whole(wanted.folder):
            _carry(wanted, shell, told)
            store.seal(wanted.folder)
    return wanted.folder / store.TREE


def _carry(wanted: Making, shell: StrictShell, told: Callable[[str], object]) -> None:
    words = Script(MAKE, limit=LIMIT).command(str(wanted.sources), str(wanted.folder), str(wanted.bootstrap))
    with stages(shell, told) as heard:
        ended = carried(shell, words, name=wanted.lease, log=wanted.log, heard=heard)
    if ended.exit_code or not (wanted.folder / MADE).exists():
        shutil.rmtree(wanted.folder, ignore_errors=True)
        raise failed(wanted, ended.how())
    wanted.log.replace(wanted.folder / LOG)


def failed(wanted: Making, how: str) -> BuildFailed:
    """The error of a build whose log is there, with its last lines."""
    return BuildFailed(f"{wanted}: {how}", tail=wanted.log.read_text("utf-8", "replace"),
                       next=f"all that it said is in {wanted.log}")


@contextmanager
def stages(shell: StrictShell, told: Callable[[str], object]) -> Iterator[Callable[[bytes], None]]:
    """Each stage that the build announces is a span of the journal, from its announcement to the next one's."""
    under_way: list[int] = []
    rest = b""

    def end() -> None:
        while under_way:
            shell.recorder.end(under_way.pop())

    def heard(data: bytes) -> None:
        nonlocal rest
        *lines, rest = (rest + data).split(b"\n")
        for stage in STAGE.findall("\n".join(line.decode("utf-8", "replace") for line in lines)):
            end()
            under_way.append(shell.recorder.begin("note", shell.name, about="stage", text=stage))
            told(stage)

    try:
        yield heard
    finally:
        end()


def numbers_of(version: str) -> tuple[int, ...]:
    """(1, 24, 6) of 1.24.6; () where it is none."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()
