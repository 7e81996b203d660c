"""What a probe printed: registers, stack words and facts by name, read without a conclusion."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from runbook.chapters.visit import name_of_signal

KINDS = "register|stack|pointed|sp|sought|filled|scrambled|fact|ended|word"
LINE = re.compile(rf"(?P<probe>[a-z-]+) (?P<kind>{KINDS}) (?P<rest>\S+(?: \S+)?)")
WHOLE = "probe"  # what the program says of itself


@dataclass
class Dump:
    """One probe: where each value was at the moment, which values were sought, and how the probe ended."""

    registers: dict[str, int] = field(default_factory=dict)
    stack: dict[int, int] = field(default_factory=dict)  # by bytes above the stack pointer
    pointed: dict[str, int] = field(default_factory=dict)  # the word on the stack that a register points to
    pointers: list[int] = field(default_factory=list)  # stack pointers
    sought: list[int] = field(default_factory=list)
    filled: dict[str, int] = field(default_factory=dict)  # what was in each register before
    scrambled: dict[str, int] = field(default_factory=dict)  # what each was overwritten with
    facts: dict[str, str] = field(default_factory=dict)
    ended: str = "did not end"

    @property
    def whole(self) -> bool:
        return self.ended == "exit 0"

    def places_of(self, value: int) -> set[str]:
        """Registers and stack words that hold the value."""
        found = {name for name, held in self.registers.items() if held == value}
        return found | {on_the_stack(offset) for offset, held in self.stack.items() if held == value}

    def addresses_of(self, value: int) -> set[str]:
        """Registers that point to a word of the stack that holds the value."""
        return {name for name, held in self.pointed.items() if held == value}


def on_the_stack(offset: int) -> str:
    return f"stack+{offset}"


def read_dumps(text: str) -> dict[str, Dump]:
    """Every probe by name, `probe` the program itself; lines that are none of its own are left out."""
    dumps: dict[str, Dump] = {}
    for line in text.splitlines():
        found = LINE.fullmatch(line.strip())
        if not found:
            continue
        dump = dumps.setdefault(found["probe"], Dump())
        try:
            _take(dump, found["kind"], found["rest"].split())
        except (ValueError, IndexError):
            continue  # a line that a crash cut short
    return dumps


def _take(dump: Dump, kind: str, words: list[str]) -> None:
    match kind:
        case "register" | "pointed" | "filled" | "scrambled":
            held = dump.registers if kind == "register" else getattr(dump, kind)
            held[words[0]] = int(words[1], 16)
        case "stack":
            dump.stack[int(words[0])] = int(words[1], 16)
        case "sp":
            dump.pointers.append(int(words[0], 16))
        case "sought":
            dump.sought.append(int(words[0], 16))
        case "fact":
            dump.facts[words[0]] = words[1]
        case "ended":
            dump.ended = f"ended by {name_of_signal(int(words[1]))}" if words[0] == "signal" else " ".join(words)
