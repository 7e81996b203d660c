"""What a command said: the first and the last lines of it, from the host's log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HEAD, TAIL = 12, 12
SCRIPT_HEAD, SCRIPT_TAIL = 20, 6  # a script says first what it is for
LONGEST_LINE = 400
MOST_BYTES = 64 * 1024  # read from either end of an output; what lies between is left in the log


@dataclass(frozen=True)
class Excerpt:
    """Head and tail of one output; `left_out` lines between them stay in `log`."""

    stream: str
    head: str
    tail: str
    left_out: int
    log: str


def excerpt(folder: Path, stream: str, told: object) -> Excerpt | None:
    """The excerpt of an output as a command's end tells of it; None where there is nothing to read."""
    if not isinstance(told, Mapping) or not told.get("log"):
        return None
    offset, length = int(str(told["offset"])), int(str(told["length"]))
    try:
        with (folder / str(told["log"])).open("rb") as log:
            log.seek(offset)
            if length <= 2 * MOST_BYTES:
                lines, between = _lines(log.read(length)), 0
            else:
                first = log.read(MOST_BYTES)
                log.seek(offset + length - MOST_BYTES)
                last = log.read(MOST_BYTES)
                log.seek(offset + MOST_BYTES)
                between = log.read(length - 2 * MOST_BYTES).count(b"\n")
                lines = _lines(first) + _lines(last)
    except OSError:
        return None
    if len(lines) <= HEAD + TAIL:
        return Excerpt(stream, "\n".join(lines), "", between, str(told["log"]))
    left_out = len(lines) - HEAD - TAIL + between
    return Excerpt(stream, "\n".join(lines[:HEAD]), "\n".join(lines[-TAIL:]), left_out, str(told["log"]))


def script_excerpt(text: str, where: str) -> Excerpt:
    """A command's text; of a long script the first and the last lines, the whole is in the journal at `where`.

    The same script goes to many hosts many times, and an argument may be a whole file: they would be most of the page.
    """
    lines = _cut(text)
    left_out = len(lines) - SCRIPT_HEAD - SCRIPT_TAIL
    if left_out <= 1:
        return Excerpt("", "\n".join(lines), "", 0, where)
    return Excerpt("", "\n".join(lines[:SCRIPT_HEAD]), "\n".join(lines[-SCRIPT_TAIL:]), left_out, where)


def _lines(said: bytes) -> list[str]:
    return _cut(said.decode("utf-8", "replace"))


def _cut(text: str) -> list[str]:
    return [line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + " …" for line in text.splitlines()]
