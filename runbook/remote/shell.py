"""What a shell is: one way to run commands on one host. SSH and the local machine are two of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runbook.remote.command import Command, Result
from runbook.remote.question import HostAnswers, Question


@dataclass(frozen=True)
class Sent:
    """A file that is on a host now: path, SHA-256, bytes, and whether it had been there already."""

    host: str
    path: str
    sha256: str
    size: int
    already: bool
    seconds: float
    resumed: int = 0                      # bytes that an earlier transfer had brought before it was cut off

    def __str__(self) -> str:
        gone_on = f", {self.resumed} of them by an earlier transfer" if self.resumed else ""
        return f"{self.host}: {self.path} {'was there already' if self.already else 'sent'}, {self.size} bytes{gone_on}"


class Recorder(Protocol):
    """Who is told of every command and transfer: the journal, in a run."""

    def begin(self, kind: str, host: str | None = None, **fields: object) -> int:
        """A begin is written before the act; returns its number in the journal."""

    def end(self, begin: int, **fields: object) -> int:
        """The end that belongs to `begin`; outputs come as `stdout` and `stderr` bytes."""

    def write(self, kind: str, host: str | None = None, **fields: object) -> int:
        """One line about something that takes no time; returns its number."""


class Shell(Protocol):
    """`run`, `put`, `get`; every one is recorded, limited in time and strict about its outcome."""

    name: str

    def run(self, command: Command) -> Result:
        """Runs it; raises CommandFailed, CommandTimedOut, ConnectionLost, Unreachable and their kin."""

    def ask(self, *questions: Question) -> HostAnswers:
        """All questions in one round trip; an error of the host is in the answers, not raised."""

    def put(self, source: Path | bytes, target: str, *, mode: int = 0o644, owner: str | None = None,
            sudo: bool = False) -> Sent:
        """Puts a file there, atomically and verified by SHA-256; not sent again where it is there already."""

    def get(self, source: str, target: Path, *, sudo: bool = False) -> Sent:
        """Fetches a file, verified by SHA-256."""

    def close(self) -> None: ...
