"""What is done to a host on purpose, and what takes exactly that back: data, for whoever carries it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runbook.errors import UsageError

NET, HOST, MACHINE = "net", "host", "machine"
"""Where words are run: in the host's network, on the host, on this machine."""

NOTES = "faults"
"""The file in a host's state that says which faults it has."""

Words = tuple[str, ...]


@dataclass(frozen=True)
class Deed:
    """What a fault does and what takes it back, each a list of programs; none to take back: it is over at once."""

    where: str
    do: tuple[Words, ...]
    undo: tuple[Words, ...] = ()
    until_reboot: bool = False            # a reboot of the host takes it back too


@dataclass(frozen=True)
class Fault:
    """One kind of fault: what it is, its arguments with their defaults, and how it is done to a host."""

    what: str
    arguments: tuple[tuple[str, str], ...]
    deed: Callable[..., Deed]

    def usage(self) -> str:
        return " ".join(f"[{name}={default}]" if default else name for name, default in self.arguments)


def number(word: str, lowest: int, highest: int) -> int:
    """Raises UsageError where it is none, or out of bounds."""
    if not word.isdigit() or not lowest <= int(word) <= highest:
        raise UsageError(f"{word}: not a whole number from {lowest} to {highest}", next="mend the fault's argument")
    return int(word)


def absolute(folder: str) -> str:
    """Raises UsageError for a relative path, and for the root of everything."""
    if not folder.startswith("/") or folder == "/":
        raise UsageError(f"{folder}: not the absolute path of a folder", next="mend the fault's argument")
    return folder
