"""A file's way to a host: beside its target first, verified by SHA-256, then renamed over it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from runbook.remote.command import Command
from runbook.remote.source import GRAIN, Source

SLOWEST = 1e6
"""Bytes a second below which a transfer counts as hanging: a 10 Mbit/s line under load."""

BLOCK = 1 << 20
"""Bytes: a file is gone on with at a multiple of it."""

SMALL_DIGEST = 'digest() { sha256sum; }\n'
LARGE_DIGEST = r"""
if openssl dgst -sha256 -r </dev/null >/dev/null 2>&1
then digest() { openssl dgst -sha256 -r; }
else digest() { sha256sum; }
fi
"""
"""OpenSSL's SHA-256 is written for the processor, that of coreutils 9.1 is plain C: 3.4 times slower on one with
instructions for it."""

MEND = r"""
[ ! -d "$1" ] || { echo "$1 is a folder" >&2; exit 73; }
begins() { [ -z "$2" ] || [ "$(head -c 65536 <"$1" | sha256sum)" = "$2  -" ]; }
if [ -f "$1" ] && [ ! -L "$1" ] && [ "$(stat -c %s "$1")" = "$5" ] && begins "$1" "${9-}"; then
    sum=$(digest <"$1") || exit
    if [ "${sum%% *}" = "$2" ]; then
        before=$(stat -c '%a %u %g' "$1")
        [ -z "$4" ] || chown -- "$4" "$1" || exit
        chmod -- "$3" "$1" || exit
        [ "$(stat -c '%a %u %g' "$1")" = "$before" ] && echo same || echo mended
        exit
    fi
fi
echo other
"""
"""`$1` target, `$2` SHA-256, `$3` mode, `$4` owner, `$5` size, `$9` the SHA-256 of a large one's beginning: is the
content there? Then mends its mode and owner. What begins otherwise need not be read to its end."""

KEPT = r"""
folder=$(dirname -- "$1")
old='' most=0
runs() { case $(tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline") in *" $6.$7 "*) ;; *) return 1; esac; }
stop() { # the whole group of the process: field 5 of /proc/PID/stat (man 5 proc)
    read -r stat <"/proc/$1/stat" && set -- ${stat##*) } && [ "$3" -gt 1 ] || return
    kill -s TERM -- "-$3"
    i=0
    while kill -s 0 -- "-$3" && [ $i -lt 20 ]; do sleep 0.1 || sleep 1; i=$((i + 1)); done
} 2>/dev/null
for part in "$folder/.runbook.$6".*; do
    [ -f "$part" ] && [ ! -L "$part" ] && [ "$(stat -c '%u %a %h' -- "$part")" = "$(id -u) 600 1" ] || continue
    rest=${part##*/".runbook.$6."}
    content=${rest%%.*} pid=${rest#*.} size=$(stat -c %s -- "$part")
    pid=${pid%%.*}
    if [ -d "/proc/$pid" ] && runs "$pid" - - - - "$6" "$content"; then
        [ "$content" = "$7" ] || continue
        sleep 0.3 2>/dev/null || sleep 1
        [ "$(stat -c %s -- "$part")" = "$size" ] || continue # somebody sends it
        stop "$pid"
        [ -f "$part" ] || continue
    fi
    if [ "$content" = "$7" ] && [ "$size" -gt "$most" ]; then
        [ -z "$old" ] || rm -f -- "$old"
        old=$part most=$size
    else
        rm -f -- "$part"
    fi
done
blocks=%a; [ "$(id -u)" != 0 ] || blocks=%f
room=$(stat -f -c "$blocks * %S" -- "$folder") && room=$(($room))
[ "${room:-$8}" -ge "$(($8 - most))" ] || { echo "no room for $(($8 - most)) bytes, $room are free" >&2; exit 73; }
printf '%s %s\n' "$most" "${old##*/}"
command -v gzip >/dev/null && echo gzip || :
"""
"""What a transfer of this content to this place left that was cut off, `$6` and `$7` name both, and `$8` is the bytes
it takes: how much came, the name, and whether gzip is there. One whose sender is gone without a word still waits for
more: it is ended. What is left of another content is taken away, and what is not ours or can be written by others is
not looked at."""

SETTLE = r"""
[ "${sum%% *}" = "$2" ] || { echo "SHA-256 ${sum%% *} arrived instead of $2" >&2; exit 65; }
[ -z "$4" ] || chown -- "$4" "$new" || exit 77
chmod -- "$3" "$new" || exit 77
sync -- "$new" 2>/dev/null
[ ! -d "$1" ] || { echo "$1 is a folder" >&2; exit 73; }
mv -f -- "$new" "$1" || exit 73
trap - EXIT
"""

RECEIVE = r"""
umask 077
folder=$(dirname -- "$1")
new=$(mktemp -- "$folder/.runbook.XXXXXXXX") || exit 73
trap 'rm -f -- "$new"' EXIT
trap 'exit 1' HUP INT PIPE TERM # PIPE: who would hear that it is not whole may be gone
cat >"$new" || exit 74
sum=$(digest <"$new")
""" + SETTLE
"""As MEND, the content by standard input. Nobody else can read the file before it has its owner and mode; where
anything fails, the old one stays. A symbolic link is replaced, not followed. Exit codes after sysexits.h."""

RECEIVE_LARGE = r"""
umask 077
folder=$(dirname -- "$1")
new=$(mktemp -- "$folder/.runbook.$6.$$.XXXXXXXX") || exit 73
cut=''
leave() { [ -n "$cut" ] && [ "$(stat -c %s -- "$new")" -ge 4194304 ] || rm -f -- "$new"; }
trap leave EXIT
trap 'cut=1; exit 1' HUP INT PIPE TERM
[ -z "$7" ] || mv -f -- "$folder/$7" "$new" || exit 75
unpacked() { if [ -n "$packed" ]; then gzip -dc | "$@"; else "$@"; fi; }
placed() {
    case $parts:$from in
        :0) cat >"$new"; return ;;
        :*) dd of="$new" bs=1048576 seek="$from" conv=notrunc status=none; return ;;
    esac
    for part in $parts; do
        dd of="$new" bs=65536 iflag=fullblock conv=notrunc status=none seek="${part%:*}" count="${part#*:}" || return
    done
}
from=$8 packed=${10} part_only=${11} parts=${12}
unpacked placed || exit 74
[ "$(stat -c %s -- "$new")" -ge "$9" ] || { cut=1; echo "it broke off" >&2; exit 65; }
[ -z "$part_only" ] || { cut=1; printf '%s\n' "${new##*/}"; exit 0; }
[ -z "$parts" ] || truncate -s "$5" -- "$new" || exit 74
sum=$(digest <"$new")
""" + SETTLE
"""As RECEIVE, with `$5` the size, `$6` what names place and content, `$7` the file to go on with, `$8` the block where
the input begins, `$9` the size that must be reached, `${10}` whether it is packed, `${11}` whether more is to come
in another go, `${12}` the parts (seek:count, in grains) of one with holes. Where it breaks off, what came is
kept, if it is worth going on with. The hash is taken from the disk at the end: by tee(1) on the way it cost a third of
the speed on two cores."""


def limit_for(size: int) -> float:
    """Seconds that a transfer of `size` bytes may take."""
    return 60.0 + size / SLOWEST


@dataclass(frozen=True)
class Kept:
    """What a transfer that was cut off left on the host, and whether the host has gzip."""

    size: int = 0
    name: str = ""
    gzip: bool = False

    @property
    def blocks(self) -> int:
        """Whole blocks of it, to go on behind."""
        return self.size // BLOCK


def parse_kept(text: str) -> tuple[str, Kept]:
    """What is at the target (`same`, `mended` or `other`), and what is kept for it."""
    word, *rest = text.splitlines()
    size, _, name = rest[0].partition(" ") if rest else ("0", "", "")
    return word, Kept(int(size), name, rest[1:] == ["gzip"])


@dataclass(frozen=True)
class Place:
    """Where a file goes, with which mode and owner, and as whom it is written."""

    path: str
    mode: int
    owner: str
    sudo: bool

    def label(self) -> str:
        """Names the place beside it, whatever characters its own name has."""
        return hashlib.sha256(self.path.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def mend(source: Source, place: Place) -> Command:
    more: tuple[str, ...] = ()
    if source.large:
        weight = sum(stop - start for start, stop in source.left(0, source.size))
        more = (place.label(), source.sha256[:16], str(weight), source.head)
    return _command(source, place, (LARGE_DIGEST + MEND + KEPT) if source.large else SMALL_DIGEST + MEND,
                    str(source.size), *more)


def receive(source: Source, place: Place) -> Command:
    """Takes in a small file."""
    return _command(source, place, SMALL_DIGEST + RECEIVE)


def receive_large(source: Source, place: Place, kept: Kept, *, stop: int | None = None,
                  packed: bool = False) -> Command:
    """Takes in what is left of a large file, all of it or up to `stop`; then it says how what came is called."""
    end = source.size if stop is None else stop
    parts = source.left(kept.blocks * BLOCK, end) if source.parts else ()
    grains = [(start // GRAIN, -(-end // GRAIN) - start // GRAIN) for start, end in parts]
    reached = end if not source.parts else (sum(grains[-1]) * GRAIN if grains else 0)
    return _command(
        source, place, LARGE_DIGEST + RECEIVE_LARGE, str(source.size), f"{place.label()}.{source.sha256[:16]}",
        kept.name, str(kept.blocks), str(reached), "gzip" if packed else "", "" if stop is None else "part",
        " ".join(f"{seek}:{count}" for seek, count in grains))


def _command(source: Source, place: Place, script: str, *more: str) -> Command:
    words = ("sh", "-c", script, "sh", place.path, source.sha256, f"{place.mode:o}", place.owner, *more)
    return Command(words, sudo=place.sudo, limit=limit_for(source.size))
