"""Many small files in one stream: tar archives of a few MB, each put in its place whole, folder by folder."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runbook.remote.command import Command
from runbook.remote.transfer import LARGE_DIGEST, SMALL_DIGEST
from runbook.remote.tree import LINK, Entry, Tree

BYTES, NAMES = 11 << 20, 1000
"""What one pack holds at most: its content is in memory, and the names of one folder are the words of one mv."""

HEAVY = 2 << 20
"""Bytes from which on OpenSSL's faster SHA-256 makes up for its start, 5 ms."""

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
said=$(case $4 in (gzip) gzip -dc | tar -xpof - -C "$new" ;; (*) tar -xpof - -C "$new" ;; esac 2>&1) || {
    printf '%s\n' "$said" | sed '/^tar: Exiting/d' >&2; exit 74; }
[ -z "$3" ] || chown -Rh -- "$3" "$new/tree" || exit 77
sync -f "$new" 2>/dev/null &
sum=$(cd "$new/tree" && xargs -0 cat -- <../names | digest)
[ "${sum%% *}" = "$2" ] || { echo "SHA-256 ${sum%% *} arrived instead of $2" >&2; exit 65; }
wait
xargs -0 sh -c "$5" sh "$new" <"$new/folders" || exit 73
"""
"""`$1` the folder, `$2` the SHA-256 of what all its files hold, one after the other, `$3` the owner, `$4` whether it is
packed, `$5` MOVE. Each file is renamed over the old one when all of the pack are there, whole and on the disk."""

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
    """A tar archive of some entries, and the SHA-256 of what its files hold, one after the other."""

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
    folders = dict.fromkeys(os.path.dirname(entry.name) or b"." for entry in entries)
    names = b"".join(b"./" + entry.name + b"\0" for entry in entries if entry.kind != LINK)
    digest = hashlib.sha256()
    parts = [*_file(b"folders", 0o600, b"".join(b"./" + folder + b"\0" for folder in folders)),
             *_file(b"names", 0o600, names)]
    made = dict.fromkeys(path for folder in folders for path in _down(b"tree/" + folder))
    parts += [_header(path, 0o700, tarfile.DIRTYPE) for path in made]
    for entry in entries:
        if entry.kind == LINK:
            parts.append(_header(b"tree/" + entry.name, 0o777, tarfile.SYMTYPE, link=entry.link))
            continue
        content = tree.content(entry)
        if content is None:
            raise Changed(str(tree.at(entry)))
        digest.update(content)
        parts += _file(b"tree/" + entry.name, entry.mode, content)
    size = sum(map(len, parts)) + 2 * tarfile.BLOCKSIZE
    data = b"".join([*parts, bytes(2 * tarfile.BLOCKSIZE + -size % tarfile.RECORDSIZE)])
    return Pack(data, digest.hexdigest(), tuple(entries))


def _down(path: bytes) -> Iterator[bytes]:
    """A path's folders, from the top."""
    parts = [part for part in path.split(b"/") if part != b"."]
    return (b"/".join(parts[:count]) for count in range(1, len(parts) + 1))


def _file(name: bytes, mode: int, content: bytes) -> tuple[bytes, bytes, bytes]:
    return _header(name, mode, tarfile.REGTYPE, len(content)), content, bytes(-len(content) % tarfile.BLOCKSIZE)


def _header(name: bytes, mode: int, kind: bytes, size: int = 0, link: bytes = b"") -> bytes:
    """As tarfile makes it (GNU's format), of names that fit in it at a tenth of its cost."""
    if len(name) >= tarfile.LENGTH_NAME or len(link) > tarfile.LENGTH_LINK:
        info = tarfile.TarInfo(os.fsdecode(name))
        info.mode, info.type, info.size, info.linkname = mode, kind, size, os.fsdecode(link)
        return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
    name += b"/" if kind == tarfile.DIRTYPE else b""
    header = b"%b%07o\0%07o\0%07o\0%011o\0%011o\0%8b%b%b%b" % (
        name.ljust(tarfile.LENGTH_NAME, b"\0"), mode, 0, 0, size, 0, b"", kind,
        link.ljust(tarfile.LENGTH_LINK, b"\0"), tarfile.GNU_MAGIC)  # its sum counts its own place as spaces
    header = header.ljust(tarfile.BLOCKSIZE, b"\0")
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def unpack(pack: Pack, target: str, owner: str, sudo: bool, packed: bool, limit: float) -> Command:
    digest = LARGE_DIGEST if len(pack.data) >= HEAVY else SMALL_DIGEST
    words = ("sh", "-c", digest + UNPACK, "sh", target, pack.sha256, owner, "gzip" if packed else "", MOVE)
    return Command(words, sudo=sudo, limit=limit)


def settle(target: str, names: Iterable[bytes], sudo: bool, limit: float, *, mode: int | None = None,
           owner: str = "") -> Command:
    """Makes folders; or gives names a mode, or an owner."""
    what = "folders" if mode is None and not owner else f"{mode or 0:o}"
    return Command(("sh", "-c", SETTLE, "sh", target, what, owner), sudo=sudo, limit=limit,
                   stdin=b"".join(b"./" + name + b"\0" for name in names))
