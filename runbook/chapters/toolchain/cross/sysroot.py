"""A sysroot: the C library's headers and libraries of a target host, taken over SSH, links mended, hashed."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.compile.build import KEPT
from runbook.chapters.toolchain.cross.archive import unpack
from runbook.chapters.toolchain.passport import sources_sha256
from runbook.errors import Blocked, BuildFailed
from runbook.remote.command import Script
from runbook.remote.question import Question
from runbook.remote.strict import StrictShell
from runbook.targets import Target
from runbook.toml_text import toml_text

HOME = KEPT.parent / "sysroots"
KEEP = 3
LARGEST = 400 << 20  # bytes: the headers and the C library of a distribution have 20 to 100 MB
LIMIT = 300.0  # seconds
PLACES = Script("""
multi=$1; shift
for root in '' "$@"; do
  for place in "usr/lib/$multi" "lib/$multi" usr/lib64 lib64 usr/lib64/lp64d lib usr/lib; do
    [ -f "$root/$place/libc.so.6" ] && [ -f "$root/$place/crt1.o" ] || continue
    for include in usr/include include; do
      [ -f "$root/$include/stdio.h" ] || continue
      machine=$(od -An -v -tu1 -j18 -N2 "$root/$place/libc.so.6" | tr -s ' ')
      lib=$(readlink -f "$root/$place") headers=$(readlink -f "$root/$include")
      printf '%s\\t%s\\t%s\\t%s\\n' "${root:-/}" "$lib" "$headers" "$machine"
      break 2
    done
  done
done
""")
"""Where a C library lies with its headers: on the host itself, or beside it as distributions put those of others."""

TAKE = Script("""
lib=$1 include=$2; shift 2
{ printf '%s\\n' "$include"
  used=$lib/
  for interpreter; do
    [ -e "$interpreter" ] || continue
    at=$(readlink -f "${interpreter%/*}") used="$used $at/"
    printf '%s/%s\\n' "$at" "${interpreter##*/}"
  done
  # /lib and its kin lead to /usr: linker scripts name files by them.
  for at in lib lib64; do
    [ ! -L "/$at" ] || case " $used" in *" $(readlink -f "/$at")/"*) printf '/%s\\n' "$at";; esac
  done
  for pattern in 'crt*.o' '?crt1.o' 'libc.*' 'libc-*' 'libc_*' 'libm.*' 'libm-*' 'libmvec*' 'libpthread*' 'libdl[.-]*' \
      'librt[.-]*' 'libresolv*' 'libutil*' 'libgcc_s*' 'ld-*'; do
    for file in "$lib"/$pattern; do [ ! -e "$file" ] && [ ! -L "$file" ] || printf '%s\\n' "$file"; done
  done
} | sort -u | sed 's,^/,,' | tar -C / -cf - -T -
""", limit=LIMIT)


@dataclass(frozen=True)
class Place:
    """Where a host keeps a C library: for which machine, by the first bytes of its ELF header."""

    root: str      # "/": its own
    lib: str
    include: str
    machine: tuple[int, int]  # the two bytes of e_machine

    def is_for(self, target: Target) -> bool:
        return int.from_bytes(bytes(self.machine), target.elf.byte_order) in target.elf.machines  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{self.lib} and {self.include}"


@dataclass(frozen=True, repr=False)
class Sysroot:
    """What was taken, and from where."""

    path: Path
    host: str
    place: Place
    sha256: str  # over all names, contents and links
    files: int
    mended: int  # links that were absolute

    @property
    def lib(self) -> Path:
        return self.path / self.place.lib.lstrip("/")

    @property
    def include(self) -> Path:
        return self.path / self.place.include.lstrip("/")

    def __str__(self) -> str:
        return f"{self.host}: the C library's headers and libraries"

    __repr__ = __str__

    def to_toml(self) -> str:
        return "# A sysroot: what cgo programs are compiled against.\n" + toml_text({
            "schema": 1, "host": self.host, "root": self.place.root, "libraries": self.place.lib,
            "headers": self.place.include, "sha256": self.sha256, "files": self.files, "links_mended": self.mended})

    def changed(self) -> bool:
        """Whether a file of it is no longer as it was taken."""
        return sources_sha256(self.path) != (self.sha256, self.files)


def parse_places(text: str) -> tuple[Place, ...]:
    places = []
    for line in text.splitlines():
        root, lib, include, machine = line.split("\t")
        first, second = map(int, machine.split())
        places.append(Place(root, lib, include, (first, second)))
    return tuple(places)


def places_for(target: Target) -> Question[tuple[Place, ...]]:
    """Which C libraries a host has with their headers; an empty answer: none."""
    beside = tuple(f"/usr/{triplet}" for triplet in target.names.triplets)
    return Question(Script(PLACES.text, args=(target.names.multiarch, *beside)), parse_places, "places")


def take(shell: StrictShell, target: Target, home: Path = HOME) -> Sysroot:
    """Fetches it into a folder named by its content. The host only reads.

    Raises Blocked where the host has none for the target, BuildFailed for a link that leads out of what was taken.
    """
    question = places_for(target)
    places = shell.ask(question)[question] or ()
    place = next((one for one in places if one.is_for(target)), None)
    if place is None:
        found = f"only for another machine: {', '.join(one.lib for one in places)}" if places else "none at all"
        raise Blocked(f"{shell.name}: a C library with crt1.o and stdio.h for {target.name} is looked for; {found}",
                      next="install libc6-dev or glibc-devel on that host, or go without cgo")
    interpreters = [place.root.rstrip("/") + one for one in target.elf.interpreters]
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix="new-") as new:
        archive, tree = Path(new) / "sysroot.tar", Path(new) / "tree"
        shell.pour(TAKE.command(place.lib, place.include, *interpreters), archive)
        mended = unpack_mended(archive, tree)
        sha256, files = sources_sha256(tree)
        kept = home / f"{target.name}-{sha256[:16]}"
        if not kept.exists():
            os.replace(tree, kept)
    os.utime(kept)
    for old in sorted(home.glob(f"{target.name}-*"), key=lambda path: path.stat().st_mtime, reverse=True)[KEEP:]:
        shutil.rmtree(old, ignore_errors=True)
    return Sysroot(kept, shell.name, place, sha256, files, mended)


def unpack_mended(archive: Path, tree: Path) -> int:
    """Unpacks; an absolute link is made relative to where it lies. Returns how many were.

    Raises BuildFailed for a link whose end was not taken: it would be another machine's file, or nothing.
    """
    mended = []

    def mend(member: tarfile.TarInfo) -> None:
        if member.issym() and member.linkname.startswith("/"):
            member.linkname = os.path.relpath(member.linkname.lstrip("/"), os.path.dirname(member.name) or ".")
            mended.append(member.name)

    unpack(archive, tree, largest=LARGEST, mend=mend)
    for parent, folders, names in os.walk(tree):
        for name in (*folders, *names):
            path = Path(parent, name)
            if path.is_symlink() and not path.exists():
                raise BuildFailed(
                    f"{path.relative_to(tree)}: a link that leads out of what was taken, to {os.readlink(path)}",
                    next="mend that link on the host, or install what it should lead to; then take the sysroot again")
    return len(mended)
