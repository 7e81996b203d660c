"""One folder brought to one host: looked at, compared, and only what differs is sent, many small files at a time."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from runbook.errors import TransferFailed
from runbook.remote.command import Command
from runbook.remote.delivery import Carry, Delivery, Pace
from runbook.remote.exchange import pieces
from runbook.remote.pack import Changed, Pack, packs, settle, unpack
from runbook.remote.packing import PROBE, WORTH, Packing, decide_packing, packed, watched
from runbook.remote.source import LARGE, SAMPLE, Sample, Source
from runbook.remote.transfer import Place, limit_for
from runbook.remote.tree import FILE, FOLDER, LINK, Entry, Tree
from runbook.remote.tree_seen import (
    ABSENT,
    Seen,
    difference,
    links,
    look,
    parse_links,
    parse_look,
    parse_sums,
    sums,
    with_contents,
)


@dataclass(frozen=True)
class FolderDone:
    """How many files and links were sent, their bytes, how many names were made or mended, and what was packed."""

    sent: int
    size: int
    mended: int
    packing: str


@dataclass(frozen=True)
class FolderDelivery:
    """A folder on its way. `say` hears how far it is, as a file's does."""

    host: str
    tree: Tree
    target: str
    owner: str
    sudo: bool
    carry: Carry
    pace: Pace
    say: Callable[[str], object]

    def perform(self) -> FolderDone:
        """Raises TransferFailed (each file is the old one, or whole) and the errors of `run`."""
        gzip, seen = self._look()
        found = difference(self.tree.entries, seen, self.owner)
        if found.conflicts:
            raise self._failed(f"{found.conflicts[0]}; nothing was sent", "take away what is in the way")
        small = [entry for entry in found.send if entry.size < LARGE]
        large = [entry for entry in found.send if entry.size >= LARGE]
        new = [entry for entry in found.mend if seen.get(entry.name, ABSENT).kind == "a"]
        if new:
            self._settle([entry.name for entry in new])
        packing = self._send_small(small, gzip, sum(entry.size for entry in found.send))
        for entry in large:
            place = Place(f"{self.target}/{entry.path}", entry.mode, self.owner, self.sudo)
            Delivery(Source.readable(self.tree.at(entry)), place, self.carry, self.pace, self.say).perform()
        self._mend(found.mend, seen)
        return FolderDone(len(found.send), sum(entry.size for entry in found.send), len(found.mend), packing)

    def _look(self) -> tuple[bool, Mapping[bytes, Seen]]:
        """What is there; contents are asked for where kind and size are right: a device is never read."""
        limit = limit_for(self.tree.size)

        def said(asked: Callable[..., Command], entries: Iterable[Entry]) -> bytes:
            return self.carry(asked(self.target, entries, self.sudo, limit), self.target).stdout

        gzip, seen = parse_look(said(look, self.tree.entries))
        asked = [entry for entry in self.tree.entries if seen.get(entry.name, ABSENT).may_have(entry)]
        files = [entry for entry in asked if entry.kind == FILE]
        linked = [entry for entry in asked if entry.kind == LINK]
        return gzip, with_contents(seen, parse_sums(said(sums, files)) if files else (),
                                   parse_links(said(links, linked), linked) if linked else ())

    def _send_small(self, entries: Iterable[Entry], gzip: bool, size: int) -> str:
        """Pack after pack; what packing was seen to be worth is decided anew for each."""
        done, squeezed, count = 0, 0, 0
        began = time.monotonic()
        try:
            for pack in packs(self.tree, entries):
                packing = self._packing(pack, gzip)
                command = unpack(pack, self.target, self.owner, self.sudo, packing.packed, limit_for(len(pack.data)))
                start = time.monotonic()
                seen = watched(pieces(pack.data), self.say, name=self.target, done=done, size=size, began=began)
                self.carry(command, self.target, feed=packed(seen) if packing.packed else seen)
                if not packing.packed and len(pack.data) >= PROBE:
                    self.pace.rate = len(pack.data) / max(time.monotonic() - start, 1e-6)
                done += sum(entry.size for entry in pack.entries)
                squeezed, count = squeezed + packing.packed, count + 1
        except (Changed, OSError) as error:
            raise self._failed(f"{error.args[0] if isinstance(error, Changed) else error} changed while the folder was "
                               "sent; each file there is the old one, or whole",
                               "send it again when nobody writes to it") from error
        return f"{squeezed} of {count} packs"

    def _packing(self, pack: Pack, gzip: bool) -> Packing:
        if not gzip or not self.pace.rate or len(pack.data) < SAMPLE:
            return Packing(False, "nobody knows what the line carries")
        start = time.perf_counter()
        left = len(zlib.compress(pack.data[:SAMPLE], 1))
        sample = Sample(left / SAMPLE, SAMPLE / max(time.perf_counter() - start, 1e-6))
        return (Packing(False, f"deflate leaves {sample.ratio:.2f} of it") if sample.ratio > WORTH
                else decide_packing(len(pack.data), sample, self.pace.rate))

    def _mend(self, entries: Iterable[Entry], seen: Mapping[bytes, Seen]) -> None:
        """Owners, then modes, the deepest first: a folder's own mode may shut those below it out."""
        deepest = sorted(entries, key=lambda entry: entry.name.count(b"/") + (entry.name != b"."), reverse=True)
        if self.owner and deepest:
            self._settle([entry.name for entry in deepest], owner=self.owner)
        to_mode = [entry for entry in deepest if entry.kind != LINK
                   and (entry.kind == FOLDER and seen.get(entry.name, ABSENT).kind == "a"
                        or seen.get(entry.name, ABSENT).mode != entry.mode)]
        for mode, some in groupby(to_mode, key=lambda entry: entry.mode):
            self._settle([entry.name for entry in some], mode=mode)

    def _settle(self, names: Iterable[bytes], *, mode: int | None = None, owner: str = "") -> None:
        self.carry(settle(self.target, names, self.sudo, limit_for(0), mode=mode, owner=owner), self.target)

    def _failed(self, what: str, next: str) -> TransferFailed:
        return TransferFailed(self.host, f"{self.target}: {what}", next=next)
