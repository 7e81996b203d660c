"""One command on its way: what every transport gives to the shell that waits for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from runbook.remote.line import Received

QUIET = 3.0
"""Seconds without output after which an ended command counts as done, though a process that it left in the
background still holds its output open."""

CHUNK = 32 * 1024 - 64
"""Bytes of standard input sent at once: OpenSSH's largest packet (CHAN_SES_PACKET_DEFAULT, channels.h) less what
paramiko keeps free in it. With 64 bytes more, each piece would be two packets."""

UNNAMED_SIGNAL = -128
"""The exit code for a signal of which nobody said which: sshd names 13 of them only (RFC 4254, section 6.10), and not
BUS, SYS or TRAP."""

Feed = Iterable[bytes] | None
"""Standard input in pieces; None: /dev/null."""


class Exchange(Protocol):
    """A command that was sent. `exit_code` is negative for a signal, None where nobody can tell any more."""

    received: Received
    exit_code: int | None

    def pump(self, seconds: float) -> bool:
        """Takes in what has come, waiting at most `seconds` for it; True once the command has ended."""

    def wake(self) -> None:
        """Lets a `pump` that waits in another thread look at once."""

    def close(self) -> None:
        """Lets go of the pipes or of the channel; the process itself is not touched."""


def pieces(data: bytes) -> Iterable[bytes]:
    """Bytes in chunks."""
    return (data[start:start + CHUNK] for start in range(0, len(data), CHUNK))
