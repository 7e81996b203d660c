"""A snapshot taken, and restored beside the cluster: only what was restored is a backup."""

from __future__ import annotations

import json
from dataclasses import dataclass

from runbook.chapter import Chapter
from runbook.chapters.etcd.layout import CLIENT_PORT, UTL
from runbook.chapters.etcd.replication import KEYS as CHECKS
from runbook.chapters.etcd.start import check_words
from runbook.chapters.etcd.wanted import Wanted
from runbook.chapters.sections import sections
from runbook.errors import RemoteError
from runbook.remote.command import Script
from runbook.verdict import Figure, Verdict, Verdicts, failed, passed

RESTORED = "a snapshot is taken and restores"
KEYS = f"{CHECKS}snapshot/"
COUNT = 3
"""Keys that are written before, so that there is something to be restored."""

# Restored as the same member of the same cluster: up to 3.5 the members count among the keys.
RESTORE = Script(
    r"""
utl=$1 keys=$2 count=$3 name=$4 peer=$5 members=$6; shift 6
folder=$(mktemp -d) || exit
trap '"$@" --command-timeout 5s del --prefix "$keys" >/dev/null 2>&1; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT PIPE TERM
while [ "$count" -gt 0 ]; do
  "$@" --command-timeout 5s put "$keys$count" "$count" >/dev/null || exit
  count=$((count - 1))
done
"$@" --command-timeout 30s snapshot save "$folder/taken.db" >/dev/null 2>"$folder/said" \
  || { cat "$folder/said" >&2; exit 1; }
echo '== taken'; "$utl" snapshot status "$folder/taken.db" -w json || exit
"$utl" snapshot restore "$folder/taken.db" --data-dir "$folder/restored" --name "$name" \
  --initial-advertise-peer-urls "$peer" --initial-cluster "$members" >"$folder/said" 2>&1 \
  || { cat "$folder/said" >&2; exit 1; }
echo '== restored'; "$utl" snapshot status "$folder/restored/member/snap/db" -w json || exit
# A flipped byte: the sum at the snapshot's end has to tell.
printf 'x' | dd of="$folder/taken.db" bs=1 seek=5000 conv=notrunc 2>/dev/null
echo '== damaged'; "$utl" snapshot restore "$folder/taken.db" --data-dir "$folder/never" 2>&1 | tail -n 1
""",
    sudo=True,
    limit=120.0,
)


@dataclass(frozen=True)
class Contents:
    """What a database holds: revision, keys and bytes."""

    revision: int
    keys: int
    size: int


@dataclass(frozen=True)
class Restoration:
    """A snapshot and what came of it; `damaged` is what was said to one with a changed byte."""

    taken: Contents
    restored: Contents
    damaged: str

    @property
    def equal(self) -> bool:
        """Whether what was restored is what was taken, and that is more than nothing."""
        same = (self.taken.revision, self.taken.keys) == (self.restored.revision, self.restored.keys)
        return same and self.taken.keys >= COUNT

    @property
    def damage_is_seen(self) -> bool:
        return "sha256" in self.damaged.lower() or "hash" in self.damaged.lower()


def parse_restoration(text: str) -> Restoration:
    """Raises ValueError or KeyError where an answer is missing."""
    parts = sections(text)
    return Restoration(_contents(parts["taken"]), _contents(parts["restored"]), parts.get("damaged", ""))


def _contents(text: str) -> Contents:
    said = json.loads(next(line for line in text.splitlines() if line.startswith("{")))
    return Contents(int(said["revision"]), int(said["totalKey"]), int(said["totalSize"]))


def snapshot_restores(chapter: Chapter, wanted: Wanted) -> Verdicts:
    """On the first member's host, in a folder that is gone afterwards; the cluster itself is not touched."""
    members = chapter.fleet.with_role("etcd")
    host = members.names[0]
    member, cluster = wanted.member(host), wanted.cluster
    assert member is not None
    words = (UTL, KEYS, str(COUNT), member.name, member.peer_url, cluster.initial,
             *check_words(f"https://127.0.0.1:{CLIENT_PORT}"))
    try:
        result = members[host].run(RESTORE.command(*words))
    except RemoteError as error:
        return Verdicts((failed(RESTORED, error.what, host),))
    return Verdicts((_verdict(chapter, host, parse_restoration(result.text), result.seconds),))


def _verdict(chapter: Chapter, host: str, seen: Restoration, seconds: float) -> Verdict:
    basis = chapter.basis_for(host)
    figures = {
        "snapshot": Figure(seen.taken.size, "bytes", host),
        "snapshot_and_restore": Figure(round(seconds, 2), "s", host, basis),
    }
    if not seen.equal:
        return failed(RESTORED, f"taken: {seen.taken}; restored: {seen.restored}", host, **figures)
    if not seen.damage_is_seen:
        return failed(RESTORED, "a snapshot with a changed byte was restored without a word", host, **figures)
    return passed(RESTORED, "revision and keys are equal, and one with a changed byte is refused", host, **figures)
