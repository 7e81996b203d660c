"""Whether a file is worth packing on its way: decided by what its samples and its line were seen to do."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from runbook.remote.source import Sample

WORTH = 0.7
"""What a sample has to shrink to before the line is looked at: packing costs both sides their CPU."""

GAIN = 0.9
"""Packed has to be faster by a tenth: samples and line are measured in a moment."""

PROBE = 4 << 20
"""Bytes sent as they are to see what the line carries, where nothing of the size went over it yet."""

TALKATIVE = 2.0
"""Seconds after which a transfer says how far it is, and between two times."""


@dataclass(frozen=True)
class Packing:
    """Whether it is packed, and the figures that decided it."""

    packed: bool
    why: str

    def __str__(self) -> str:
        return f"{'packed' if self.packed else 'as it is'}: {self.why}"


def decide_packing(size: int, sample: Sample, line: float) -> Packing:
    """Packed where packing `size` bytes and sending what is left takes less time than sending them as they are.

    `line` is in bytes a second. Packing and sending are counted one after the other: one thread does both.
    """
    packed = size / sample.rate + size * sample.ratio / line
    why = (f"deflate leaves {sample.ratio:.2f} at {sample.rate / 1e6:.0f} MB/s, the line carries {line / 1e6:.1f} MB/s")
    return Packing(packed < GAIN * size / line, why)


def packed(feed: Iterable[bytes]) -> Iterator[bytes]:
    """A gzip stream of the pieces, at deflate's fastest level."""
    squeeze = zlib.compressobj(1, wbits=31)
    for piece in feed:
        if out := squeeze.compress(piece):
            yield out
    yield squeeze.flush()


def watched(feed: Iterable[bytes], say: Callable[[str], object], *, name: str, done: int, size: int,
            began: float | None = None) -> Iterator[bytes]:
    """The pieces as they are; says how far it is, once it takes long, counted from the monotonic time `began`, where
    the feed is a part of something larger."""
    here = time.monotonic()
    start, before = (here, done) if began is None else (began, 0)
    until = max(start + TALKATIVE, here)
    for piece in feed:
        yield piece
        done += len(piece)
        now = time.monotonic()
        if now >= until:
            until = now + TALKATIVE
            rate = (done - before) / (now - start)
            say(f"{name}: {done / 1e6:.0f} of {size / 1e6:.0f} MB, {rate / 1e6:.1f} MB/s, "
                f"{max(size - done, 0) / max(rate, 1):.0f} s left")
