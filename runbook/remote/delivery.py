"""One file brought to one host: what is there is left, what was cut off is gone on with, the rest is sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from runbook.errors import CommandFailed, TransferFailed
from runbook.remote.command import Command, Result
from runbook.remote.exchange import Feed
from runbook.remote.packing import PROBE, WORTH, Packing, decide_packing, packed, watched
from runbook.remote.source import Source
from runbook.remote.transfer import BLOCK, Kept, Place, mend, parse_kept, receive, receive_large

TAKEN, OTHER = 75, 65
"""Exit codes of a file to go on with: somebody else took it, or it was not the beginning of what was sent."""


class Carry(Protocol):
    """Carries out one command of a transfer. Raises TransferFailed where it says no, and the errors of `run`."""

    def __call__(self, command: Command, path: str, *, feed: Feed = None) -> Result: ...


@dataclass
class Pace:
    """Bytes a second that a host's line was last seen to carry; 0 before any large transfer."""

    rate: float = 0.0


@dataclass(frozen=True)
class Delivered:
    """How it went: whether nothing at all was changed, the bytes that were there from before, how it was packed."""

    already: bool = False
    resumed: int = 0
    packing: Packing | None = None


@dataclass(frozen=True)
class Delivery:
    """A file on its way. `say` hears how far it is, after two seconds and every two seconds."""

    source: Source
    place: Place
    carry: Carry
    pace: Pace
    say: Callable[[str], object]

    def perform(self) -> Delivered:
        """Raises TransferFailed (the old file is intact) and the errors of `run`."""
        try:
            return self._performed()
        except TransferFailed as error:
            if not self.source.changed():
                raise
            raise TransferFailed(
                error.host, f"{self.place.path}: {self.source} changed while it was sent; what was there is intact",
                next="send it again when nobody writes to it") from error

    def _performed(self) -> Delivered:
        word, kept = self._look()
        if word != "other":
            return Delivered(already=word == "same")
        if not self.source.large:
            self.carry(receive(self.source, self.place), self.place.path, feed=self.source.pieces())
            return Delivered()
        try:
            return self._sent(kept)
        except TransferFailed as error:
            if not kept.blocks or _exit_code(error) not in (TAKEN, OTHER):
                raise
        return self._sent(Kept(gzip=kept.gzip))

    def _look(self) -> tuple[str, Kept]:
        word, kept = parse_kept(self.carry(mend(self.source, self.place), self.place.path).text)
        return word, kept if kept.blocks else Kept(gzip=kept.gzip)

    def _sent(self, kept: Kept) -> Delivered:
        resumed = kept.blocks * BLOCK
        packing, kept = self._packing(kept)
        start, began = time.monotonic(), kept.blocks * BLOCK
        self.carry(receive_large(self.source, self.place, kept, packed=packing.packed), self.place.path,
                   feed=self._feed(began, None, packing.packed))
        if not packing.packed and not self.source.parts and self.source.size - began >= PROBE:
            self.pace.rate = (self.source.size - began) / max(time.monotonic() - start, 1e-6)
        return Delivered(resumed=resumed, packing=packing)

    def _packing(self, kept: Kept) -> tuple[Packing, Kept]:
        """Decides it; where the line was not seen yet, by a first piece of the file, which is there then."""
        left = self.source.size - kept.blocks * BLOCK
        if not kept.gzip or left < 2 * PROBE:
            return Packing(False, "the host has no gzip" if not kept.gzip else "it is too small to be worth it"), kept
        sample = self.source.sample()
        if sample.ratio > WORTH:
            return Packing(False, f"deflate leaves {sample.ratio:.2f} of it"), kept
        if not self.pace.rate and not self.source.parts:
            start = time.monotonic()
            begin, end = kept.blocks * BLOCK, kept.blocks * BLOCK + PROBE
            name = self.carry(receive_large(self.source, self.place, kept, stop=end), self.place.path,
                              feed=self._feed(begin, end, False)).text.strip()
            self.pace.rate = PROBE / max(time.monotonic() - start, 1e-6)
            kept = replace(kept, size=end, name=name)
        if not self.pace.rate:
            return Packing(False, "nobody knows what the line carries"), kept
        return decide_packing(self.source.size - kept.blocks * BLOCK, sample, self.pace.rate), kept

    def _feed(self, start: int, stop: int | None, pack: bool) -> Feed:
        plain = self.source.pieces(start, stop)
        seen = watched(plain, self.say, name=self.place.path, done=start, size=self.source.size)
        return packed(seen) if pack else seen


def _exit_code(error: TransferFailed) -> int | None:
    """Of the command that said no."""
    return error.__cause__.exit_code_seen if isinstance(error.__cause__, CommandFailed) else None
