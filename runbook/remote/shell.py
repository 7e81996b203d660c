"""What a shell is: one way to run commands on one host. SSH and the local machine are two of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runbook.remote.command import Command, Result
from runbook.remote.question import HostAnswers, Question
from runbook.remote.source import Source


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


@dataclass(frozen=True)
class SentFolder:
    """A folder that is on a host now: how many files and links it has, how many were sent, the bytes of those, and how
    many names of all kinds were made, or got another mode or owner."""

    host: str
    path: str
    names: int
    sent: int
    size: int
    mended: int
    seconds: float

    @property
    def already(self) -> bool:
        """Whether nothing at all was changed."""
        return not self.sent and not self.mended

    def __str__(self) -> str:
        what = "was there already" if self.already else f"{self.sent} sent, {self.size} bytes, {self.mended} mended"
        return f"{self.host}: {self.path}: {self.names} files, {what}"


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

    @property
    def recorder(self) -> Recorder:
        """Who is told of what it does, for another shell beside it."""

    def run(self, command: Command) -> Result:
        """Runs it; raises CommandFailed, CommandTimedOut, ConnectionLost, Unreachable and their kin."""

    def ask(self, *questions: Question) -> HostAnswers:
        """All questions in one round trip; an error of the host is in the answers, not raised."""

    def put(self, source: Path | bytes | Source, target: str, *, mode: int = 0o644, owner: str | None = None,
            sudo: bool = False) -> Sent:
        """Puts a file there, atomically and verified by SHA-256; not sent again where it is there already."""

    def put_folder(self, source: Path, target: str, *, owner: str | None = None, sudo: bool = False) -> SentFolder:
        """Puts a folder's files, links and folders there; only what differs is sent."""

    def get(self, source: str, target: Path, *, sudo: bool = False) -> Sent:
        """Fetches a file, verified by SHA-256."""

    def close(self) -> None: ...
