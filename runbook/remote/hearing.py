"""What a standing shell says, told apart: what is a command's own, where it ends, and with which exit code."""

from __future__ import annotations

import secrets

from runbook.remote.line import Sink

CODE, DIED, END = b";", b"!", b"."
"""What stands behind a tag: an exit code as it is, one that stands for a signal, or the end of the stream."""

BY_SIGNAL = 128
"""A shell's `$?` of a process that a signal ended is this and the signal's number (dash, bash and busybox; POSIX only
says that it is larger than 128)."""


def new_tag() -> bytes:
    """For one command. It begins with a NUL, which hardly any output has, and cannot be guessed: a command never sees
    it, in no word, environment or file."""
    return b"\0" + secrets.token_hex(16).encode()


class Hearing:
    """One stream of one command. What is its own goes to `take` at once, whatever else stands between is cut out."""

    def __init__(self, tag: bytes, take: Sink) -> None:
        self._tag = tag
        self._take = take
        self._held = b""
        self.ended = False
        self.code: int | None = None      # negative: the signal

    def feed(self, data: bytes) -> None:
        data, self._held = self._held + data, b""
        while data and not self.ended:
            at = data.find(self._tag)
            if at < 0:
                at = self._beginning(data)
            if at > 0:
                self._take(data[:at])
            data = self._told(data[at:])

    def _beginning(self, data: bytes) -> int:
        """Where the tag may have begun, of which the rest is still on its way."""
        at = data.find(self._tag[:1], max(len(data) - len(self._tag) + 1, 0))
        while at >= 0 and not self._tag.startswith(data[at:]):
            at = data.find(self._tag[:1], at + 1)
        return len(data) if at < 0 else at

    def _told(self, data: bytes) -> bytes:
        """Reads what a tag says and returns what stands behind it; a part of one waits for the rest."""
        said = data[len(self._tag):len(self._tag) + 8]
        if said.startswith(END):
            self.ended = True
            return b""
        kind = said.lstrip(b"0123456789")[:1]
        digits = said.partition(kind)[0] if kind else said
        if not kind:
            self._held = data
            return b""
        self.code = BY_SIGNAL - int(digits) if kind == DIED else int(digits)
        return data[len(self._tag) + len(digits) + 1:]

    def flush(self) -> None:
        """Gives out what looked like a tag's beginning: nothing more comes."""
        if not self.ended and self._held and not self._held.startswith(self._tag):
            self._take(self._held)
        self._held = b""
