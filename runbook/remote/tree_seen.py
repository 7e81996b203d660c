"""What a host has of a folder already: its names in one question, the SHA-256 of what may be the same in another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from runbook.remote.command import Command
from runbook.remote.tree import FILE, FOLDER, LINK, Entry

ENTER = r"""
cd -- "$1" 2>/dev/null || { [ ! -e "$1" ] && exit; echo "$1 cannot be entered" >&2; exit 73; }
"""
LOOK = r"""
xargs -0 true </dev/null 2>/dev/null && command -v tar >/dev/null || {
    echo "a folder wants tar, and an xargs that knows -0" >&2; exit 69; }
[ -d "$1" ] || [ ! -e "$1" ] || { echo "$1 is there and no folder" >&2; exit 73; }
command -v gzip >/dev/null && echo gzip || echo
""" + ENTER + r"""
xargs -0 stat -c '%f %s %U:%G %n//' 2>/dev/null || :
"""
"""`$1` the folder; the names by standard input, each ended by a NUL. Says whether there is gzip, and a record for each
name that is there: `//` ends it, since no name has that, while a line feed may be in one."""

SUMS = ENTER + r"""
xargs -0 sha256sum 2>/dev/null || :
"""
LINKS = ENTER + r"""
xargs -0 sh -c 'for one; do printf "%s\0" "$(readlink -- "$one"; echo .)"; done' sh
"""

KINDS = {0o100000: FILE, 0o040000: FOLDER, 0o120000: LINK}
"""S_IFMT of a mode (`man 7 inode`)."""

SUM = re.compile(rb"^(\\?)([0-9a-f]{64})  \./(.*?)\n(?=\\?[0-9a-f]{64}  \./|\Z)", re.DOTALL | re.MULTILINE)
RECORD = re.compile(rb"([0-9a-f]+) ([0-9]+) ([^ ]+) \./(.*)", re.DOTALL)


@dataclass(frozen=True)
class Seen:
    """What a name is on a host: `f`, `d`, `l`, `o` for anything else, `a` for absent; the rest where it is known."""

    kind: str
    mode: int = -1
    size: int = -1
    owner: str = ""
    sha256: str = ""
    link: bytes | None = None

    def has(self, wanted: Entry) -> bool:
        """Whether its content is the wanted one."""
        if self.kind != wanted.kind:
            return False
        return self.link == wanted.link if wanted.kind == LINK else self.sha256 == wanted.sha256

    def may_have(self, wanted: Entry) -> bool:
        """Whether it is worth asking for its content."""
        return self.kind == wanted.kind and (self.kind == LINK or self.kind == FILE and self.size == wanted.size)

    def is_as(self, wanted: Entry, owner: str) -> bool:
        """Whether mode and owner are as wanted too; `owner` empty: whoever it is."""
        user, _, group = owner.partition(":")
        here_user, _, here_group = self.owner.partition(":")
        mine = (not user or user == here_user) and (not group or group == here_group)
        return mine and (wanted.kind == LINK or self.mode == wanted.mode)


ABSENT = Seen("a")


def look(target: str, entries: Iterable[Entry], sudo: bool, limit: float) -> Command:
    return _ask(LOOK, target, entries, sudo, limit)


def sums(target: str, entries: Iterable[Entry], sudo: bool, limit: float) -> Command:
    return _ask(SUMS, target, entries, sudo, limit)


def links(target: str, entries: Iterable[Entry], sudo: bool, limit: float) -> Command:
    return _ask(LINKS, target, entries, sudo, limit)


def _ask(script: str, target: str, entries: Iterable[Entry], sudo: bool, limit: float) -> Command:
    names = b"".join(b"./" + entry.name + b"\0" for entry in entries)
    return Command(("sh", "-c", script, "sh", target), sudo=sudo, limit=limit, stdin=names)


def parse_look(data: bytes) -> tuple[bool, dict[bytes, Seen]]:
    """Whether the host has gzip, and what each name is there."""
    gzip, _, rest = data.partition(b"\n")
    found: dict[bytes, Seen] = {}
    for record in rest.split(b"//\n"):
        if parts := RECORD.fullmatch(record):
            mode = int(parts[1], 16)
            found[parts[4]] = Seen(KINDS.get(mode & 0o170000, "o"), mode & 0o7777, int(parts[2]),
                                   parts[3].decode("utf-8", "replace"))
    return gzip == b"gzip", found


def parse_sums(data: bytes) -> Iterator[tuple[bytes, str]]:
    """Names and hashes. A name with a line feed comes escaped (a backslash begins its line), or from busybox as it is:
    then it goes to where the next hash begins."""
    for escaped, digest, name in SUM.findall(data):
        if escaped:
            name = re.sub(rb"\\(.)", lambda found: {b"n": b"\n", b"r": b"\r"}.get(found[1], found[1]), name)
        yield name, digest.decode("ascii")


def parse_links(data: bytes, entries: Iterable[Entry]) -> Iterator[tuple[bytes, bytes]]:
    """Names and where they point; nothing where the answers do not add up."""
    targets = data.split(b"\0")[:-1]
    names = [entry.name for entry in entries]
    if len(targets) == len(names):
        for name, target in zip(names, targets, strict=True):
            yield name, target.removesuffix(b".").removesuffix(b"\n")


def with_contents(seen: Mapping[bytes, Seen], hashes: Iterable[tuple[bytes, str]],
                  targets: Iterable[tuple[bytes, bytes]]) -> dict[bytes, Seen]:
    """What was seen, with the contents that were asked for."""
    found = dict(seen)
    for name, sha256 in hashes:
        if name in found:
            found[name] = replace(found[name], sha256=sha256)
    for name, link in targets:
        found[name] = replace(found[name], link=link)
    return found


@dataclass(frozen=True)
class Difference:
    """What is to be done to a host's folder: what is sent, what gets another mode or owner, what stands in the way."""

    send: tuple[Entry, ...]
    mend: tuple[Entry, ...]
    conflicts: tuple[str, ...]


def difference(entries: Iterable[Entry], seen: Mapping[bytes, Seen], owner: str) -> Difference:
    """Pure: only what differs is sent. What the host has besides stays as it is."""
    send, mend, conflicts = [], [], []
    for entry in entries:
        there = seen.get(entry.name, ABSENT)
        if there.kind in (FILE, LINK) and entry.kind in (FILE, LINK):
            if not there.has(entry):
                send.append(entry)
            elif not there.is_as(entry, owner):
                mend.append(entry)
        elif there.kind == "a":
            (mend if entry.kind == FOLDER else send).append(entry)
        elif there.kind != entry.kind:
            kinds = {FILE: "a file", FOLDER: "a folder", LINK: "a link", "o": "a device or the like"}
            conflicts.append(f"{entry.path!r} is {kinds[there.kind]} there and {kinds[entry.kind]} here")
        elif not there.is_as(entry, owner):
            mend.append(entry)
    return Difference(tuple(send), tuple(mend), tuple(conflicts))
