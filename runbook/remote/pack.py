"""Many small files in one stream: tar archives of a few MB, each put in its place whole, folder by folder."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runbook.remote.command import Command
from runbook.remote.tree import LINK, Entry, Tree

BYTES, NAMES = 8 << 20, 1000
"""What one pack holds at most: its content is in memory, and the names of one folder are the words of one mv."""

MOVE = r"""
new=$1
shift
for folder; do
    set --
    for one in "$new/tree/$folder"/* "$new/tree/$folder"/.[!.]* "$new/tree/$folder"/..?*; do
        if [ -h "$one" ] || [ -f "$one" ]; then set -- "$@" "$one"; fi
    done
    [ $# -eq 0 ] || mv -f -- "$@" "$folder/" || exit 255
done
"""

UNPACK = r"""
umask 077
cd -- "$1" || exit 73
new=$(mktemp -d ./.runbook.XXXXXXXX) || exit 73
trap 'rm -rf -- "$new"' EXIT
trap 'exit 1' HUP INT PIPE TERM
case $4 in gzip) gzip -dc ;; *) cat ;; esac >"$new/pack" || exit 74
sum=$(sha256sum <"$new/pack")
[ "${sum%% *}" = "$2" ] || { echo "SHA-256 ${sum%% *} arrived instead of $2" >&2; exit 65; }
tar -xpof "$new/pack" -C "$new" || exit 74
rm -f -- "$new/pack"
[ -z "$3" ] || chown -Rh -- "$3" "$new/tree" || exit 77
sync -f "$new" 2>/dev/null
xargs -0 sh -c "$5" sh "$new" <"$new/folders" || exit 73
"""
"""`$1` the folder, `$2` the SHA-256 of the archive, `$3` the owner, `$4` whether it is packed,
`$5` MOVE. Each file is renamed over the old one when all of the pack are there, whole and on the disk."""

SETTLE = r"""
umask 077
mkdir -p -- "$1" && cd -- "$1" || exit 73
[ "$2" != folders ] || { xargs -0 mkdir -p -- . || exit 73; exit 0; }
[ -z "$3" ] || { xargs -0 chown -h -- "$3" || exit 77; exit 0; }
xargs -0 chmod -- "$2" || exit 77
"""
"""`$1` the folder; `$2` `folders`: makes those of standard input; else their new mode, or with `$3` their new owner."""


@dataclass(frozen=True)
class Pack:
    """A tar archive of some entries, and its SHA-256."""

    data: bytes
    sha256: str
    entries: tuple[Entry, ...]


class Changed(Exception):
    """A file is not what was hashed before; its path is the argument."""


def packs(tree: Tree, entries: Iterable[Entry]) -> Iterator[Pack]:
    """The files and links in packs. Raises Changed before a pack that would hold what was not hashed, and OSError."""
    waiting: list[Entry] = []
    size = 0
    for entry in entries:
        if waiting and (size + entry.size > BYTES or len(waiting) == NAMES):
            yield _pack(tree, waiting)
            waiting, size = [], 0
        waiting.append(entry)
        size += entry.size
    if waiting:
        yield _pack(tree, waiting)


def _pack(tree: Tree, entries: list[Entry]) -> Pack:
    out = io.BytesIO()
    folders = dict.fromkeys(os.path.dirname(entry.name) or b"." for entry in entries)
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8",
                      errors="surrogateescape") as archive:
        _add(archive, "folders", b"".join(b"./" + folder + b"\0" for folder in folders))
        made: set[str] = set()
        for folder in ("tree", *(f"tree/{os.fsdecode(folder)}" for folder in folders)):
            for path in _down(folder):
                if path not in made:
                    made.add(path)
                    archive.addfile(_info(path, 0o700, tarfile.DIRTYPE))
        for entry in entries:
            if entry.kind == LINK:
                info = _info(f"tree/{entry.path}", 0o777, tarfile.SYMTYPE)
                info.linkname = os.fsdecode(entry.link)
                archive.addfile(info)
                continue
            content = tree.at(entry).read_bytes()
            if hashlib.sha256(content).hexdigest() != entry.sha256:
                raise Changed(str(tree.at(entry)))
            _add(archive, f"tree/{entry.path}", content, entry.mode)
    data = out.getvalue()
    return Pack(data, hashlib.sha256(data).hexdigest(), tuple(entries))


def _down(path: str) -> Iterator[str]:
    """A path's folders, from the top."""
    parts = [part for part in path.split("/") if part != "."]
    return ("/".join(parts[:count]) for count in range(1, len(parts) + 1))


def _info(name: str, mode: int, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode, info.type = mode, kind
    return info


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o600) -> None:
    info = _info(name, mode, tarfile.REGTYPE)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def unpack(pack: Pack, target: str, owner: str, sudo: bool, packed: bool, limit: float) -> Command:
    return Command(("sh", "-c", UNPACK, "sh", target, pack.sha256, owner, "gzip" if packed else "", MOVE), sudo=sudo,
                   limit=limit)


def settle(target: str, names: Iterable[bytes], sudo: bool, limit: float, *, mode: int | None = None,
           owner: str = "") -> Command:
    """Makes folders; or gives names a mode, or an owner."""
    what = "folders" if mode is None and not owner else f"{mode or 0:o}"
    return Command(("sh", "-c", SETTLE, "sh", target, what, owner), sudo=sudo, limit=limit,
                   stdin=b"".join(b"./" + name + b"\0" for name in names))
