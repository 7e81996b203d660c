"""What a host has of a folder already: asked with one command for all its names, and compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from runbook.remote.command import Command
from runbook.remote.tree import FILE, FOLDER, LINK, Entry

LOOK = r"""
xargs -0 true </dev/null 2>/dev/null && command -v tar >/dev/null || {
    echo "a folder wants tar, and an xargs that knows -0" >&2; exit 69; }
[ -d "$1" ] || [ ! -e "$1" ] || { echo "$1 is there and no folder" >&2; exit 73; }
command -v gzip >/dev/null && printf 'gzip\0' || printf '\0'
cd -- "$1" 2>/dev/null || { [ ! -e "$1" ] && exit; echo "$1 cannot be entered" >&2; exit 73; }
xargs -0 -n 500 sh -c "$2" sh
"""
"""`$1` the folder, `$2` EACH; the names by standard input, each ended by a NUL. Says whether there is gzip, and
nothing more where there is no folder."""

EACH = r"""
printf '%s\0' $#
for one; do
    shift
    if [ -h "$one" ]; then printf 'l%s\0' "$(readlink -- "$one"; echo .)"
    elif [ -f "$one" ]; then printf 'f\0'
    elif [ -d "$one" ]; then printf 'd\0'
    elif [ -e "$one" ]; then printf 'o\0'
    else printf 'a\0'; continue
    fi
    set -- "$@" "$one"
done
[ $# -eq 0 ] || stat -c '%a %U:%G' -- "$@"
printf '\0'
for one; do
    shift
    [ -h "$one" ] || [ ! -f "$one" ] || set -- "$@" "$one"
done
[ $# -eq 0 ] || sha256sum -- "$@"
printf '\0'
exit 0
"""
"""How many names, what each of them is, a line of mode and owner for each that is there, and one of hash for each file.
No answer has a name in it: nothing has to be read back that a name could be mistaken for."""


@dataclass(frozen=True)
class Seen:
    """What a name is on a host: `f`, `d`, `l`, `o` for anything else, `a` for absent; the rest where it is known."""

    kind: str
    link: bytes = b""
    mode: int = -1
    owner: str = ""
    sha256: str = ""

    def has(self, wanted: Entry) -> bool:
        """Whether its content is the wanted one."""
        if self.kind != wanted.kind:
            return False
        return self.link == wanted.link if wanted.kind == LINK else self.sha256 == wanted.sha256

    def is_as(self, wanted: Entry, owner: str) -> bool:
        """Whether mode and owner are as wanted too; `owner` empty: whoever it is."""
        user, _, group = owner.partition(":")
        here_user, _, here_group = self.owner.partition(":")
        mine = (not user or user == here_user) and (not group or group == here_group)
        return mine and (wanted.kind == LINK or self.mode == wanted.mode)


ABSENT = Seen("a")


def look(target: str, entries: Iterable[Entry], sudo: bool, limit: float) -> Command:
    names = b"".join(b"./" + entry.name + b"\0" for entry in entries)
    return Command(("sh", "-c", LOOK, "sh", target, EACH), sudo=sudo, limit=limit, stdin=names)


def parse_look(data: bytes, entries: Iterable[Entry]) -> tuple[bool, Mapping[bytes, Seen]]:
    """Whether the host has gzip, and what each name is there. An answer that does not add up counts as unknown."""
    wanted = [entry.name for entry in entries]
    records = iter(data.split(b"\0"))
    gzip = next(records) == b"gzip"
    found: dict[bytes, Seen] = {}
    names = iter(wanted)
    while count := next(records, b""):
        kinds = [next(records) for _ in range(int(count))]
        owners, sums = next(records).splitlines(), next(records).splitlines()
        found.update(zip((next(names) for _ in kinds), _together(kinds, owners, sums), strict=True))
    return gzip, found


def _together(kinds: list[bytes], owners: list[bytes], sums: list[bytes]) -> Iterator[Seen]:
    if len(owners) != sum(kind != b"a" for kind in kinds):
        owners = []
    if len(sums) != kinds.count(b"f"):
        sums = []
    lines, digests = iter(owners), iter(sums)
    for kind in kinds:
        if kind == b"a":
            yield ABSENT
            continue
        mode, _, owner = next(lines, b"-1 ").decode("utf-8", "replace").partition(" ")
        # sha256sum puts a backslash before a line whose name it had to escape
        digest = next(digests, b"").lstrip(b"\\")[:64].decode() if kind == b"f" else ""
        yield Seen(kind[:1].decode(), kind[1:].removesuffix(b".").removesuffix(b"\n"),
                   int(mode, 8) if mode != "-1" else -1, owner, digest)


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
