"""What is run on a host: a command of quoted parts, and what came of it."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from runbook.errors import TAIL_LINES
from runbook.remote.secret import KNOWN, Secret

NOTHING_ELSE: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True)
class Command:
    """Words for one process; each arrives on the host exactly as it is given here.

    `also` are the exit codes that are fine besides 0, each with the reason. `limit` is in seconds and holds
    on both sides. Secrets come by `stdin`, never as a word: words stand in the host's process list.
    """

    words: tuple[str, ...]
    sudo: bool = False
    limit: float = 60.0
    also: Mapping[int, str] = field(default_factory=dict, hash=False)
    stdin: bytes | Secret | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.words:
            raise ValueError("a command without a word")
        for word in self.words:
            if not isinstance(word, str):
                kind = type(word).__name__
                raise TypeError(f"a word of a command is a str, not {kind}: secrets come by stdin")
            if "\0" in word:
                raise ValueError("a word of a command cannot hold a NUL byte")

    def __reduce__(self) -> tuple[object, ...]:
        """As data for another process; a secret in it refuses."""
        return Command, (self.words, self.sudo, self.limit, dict(self.also), self.stdin)

    def line(self) -> str:
        """The command as one line of POSIX shell, every word quoted, sudo not included."""
        return shlex.join(self.words)

    def __str__(self) -> str:
        return KNOWN.mask(("sudo " if self.sudo else "") + self.line())


def command(
    *words: str,
    sudo: bool = False,
    limit: float = 60.0,
    also: Mapping[int, str] = NOTHING_ELSE,
    stdin: bytes | Secret | None = None,
) -> Command:
    """`command("systemctl", "restart", unit, sudo=True)`."""
    return Command(words, sudo=sudo, limit=limit, also=also, stdin=stdin)


@dataclass(frozen=True)
class Script:
    """A constant text of POSIX shell; what varies comes as `args`, and is `"$1"`, `"$2"` … in the text."""

    text: str
    args: tuple[str, ...] = ()
    sudo: bool = False
    limit: float = 30.0
    also: Mapping[int, str] = field(default_factory=dict, hash=False)

    def command(self, *more: str, stdin: bytes | Secret | None = None) -> Command:
        words = ("sh", "-c", self.text, "sh", *self.args, *more)
        return Command(words, sudo=self.sudo, limit=self.limit, also=self.also, stdin=stdin)


@dataclass(frozen=True)
class Result:
    """What came of a command: exit code (negative: the signal that ended it), both outputs, seconds."""

    host: str
    command: Command
    exit_code: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)
    seconds: float

    @property
    def ok(self) -> bool:
        return self.exit_code == 0 or self.exit_code in self.command.also

    @property
    def text(self) -> str:
        """stdout; bytes that are no UTF-8 are kept as surrogates."""
        return self.stdout.decode("utf-8", "surrogateescape")

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The last lines of what it said, stderr first choice, masked."""
        said = self.stderr if self.stderr.strip() else self.stdout
        return KNOWN.mask("\n".join(said.decode("utf-8", "replace").splitlines()[-lines:]))

    @property
    def said(self) -> str:
        """The last lines of what it said, masked; its exit code where it said nothing, or another than 0."""
        code = f"exit {self.exit_code}"
        lines = self.tail()
        return code if not lines.strip() else lines if self.exit_code == 0 else f"{code}: {lines}"

    def sha256(self) -> str:
        return hashlib.sha256(self.stdout).hexdigest()

    def __str__(self) -> str:
        return f"{self.host}: {self.command}: exit {self.exit_code} after {self.seconds:.1f} s"
