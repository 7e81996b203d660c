"""The listing that Go's compiler prints of the probe, read: where arguments, a result, goroutine and context are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

STACK, THREAD, UNKNOWN = "stack", "thread-local storage", "?"
COUNT = 20  # arguments of each of the probe's two long functions
STACK_LIMIT = 16  # bytes from the goroutine's start to the limit of its stack: runtime/runtime2.go, type g, stackguard0
CONTEXT = 8  # bytes from a closure's start, which is its code's address, to what it captured first
BEGINS = re.compile(r'^(?:""|[^\s.]+)\.(\w+(?:\.func1)?) STEXT\b')
LINE = re.compile(r"^\t0x[0-9a-f]+ \d+ \(\S+?:(\d+)\)\t([A-Z][A-Z0-9.]*)(?:\t(.*))?$")
REGISTER = re.compile(r"[A-Za-z]+[0-9]*")
FROM = re.compile(r"(?:^|, )(\d+)\((\w+)\)")
NOTHING_DONE = ("TEXT", "FUNCDATA", "PCDATA", "NOP")


@dataclass(frozen=True)
class Instruction:
    """One line of the listing; operands as Go's assembler writes them, the target of a move last."""

    line: int
    name: str
    operands: tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """Places in the assembler's names: a register, `stack`, `thread-local storage`, or `?` where none was found."""

    integers: tuple[str, ...]
    reals: tuple[str, ...]
    result: str
    goroutine: str
    closure: str


def parse_listing(text: str) -> Listing | None:
    """What `go build -gcflags=-S` prints of the probe; None where one of its functions is not in it."""
    functions = _functions(text)
    if not {"Integers", "Floats", "Result", "Closure", "Closure.func1"} <= functions.keys():
        return None
    return Listing(tuple(_arguments(functions["Integers"])), tuple(_arguments(functions["Floats"])),
                   _result(functions["Result"]), _goroutine(functions["Closure"]),
                   next((base for offset, base in _loads(functions["Closure.func1"]) if offset == CONTEXT), UNKNOWN))


def _functions(text: str) -> dict[str, list[Instruction]]:
    functions: dict[str, list[Instruction]] = {}
    current: list[Instruction] = []
    for line in text.splitlines():
        begins = BEGINS.match(line)
        if begins:
            current = functions.setdefault(begins[1], [])
            continue
        found = LINE.match(line)
        if found and found[2] not in NOTHING_DONE:
            current.append(Instruction(int(found[1]), found[2], tuple(filter(None, (found[3] or "").split(", ")))))
    return functions


def _arguments(function: list[Instruction]) -> Iterator[str]:
    """Each has a source line of its own, in order: its name in an operand means memory, else a register is stored."""
    first = min((one.line for one in function), default=0)
    for number in range(COUNT):
        here = [one for one in function if one.line == first + number]
        named = re.compile(rf"\.a{number}(\+\d+)?\(")
        if any(named.search(operand) for one in here for operand in one.operands):
            yield STACK
            continue
        stored = [one.operands[0] for one in here if len(one.operands) > 1 and "(" in one.operands[-1]]
        yield stored[0] if stored and REGISTER.fullmatch(stored[0]) else UNKNOWN


def _result(function: list[Instruction]) -> str:
    """Where the last move before the return goes."""
    moves = [one.operands[-1] for one in function if one.name.startswith(("MOV", "LD", "SD")) and one.operands]
    if not moves:
        return UNKNOWN
    return STACK if "(" in moves[-1] else moves[-1]


def _goroutine(function: list[Instruction]) -> str:
    """The base from which the prologue reads the limit of the stack; where that was itself read from there, TLS."""
    for number, one in enumerate(function):
        for offset, base in _loads([one]):
            if offset != STACK_LIMIT:
                continue
            before = [load for load in function[:number] if load.operands and load.operands[-1] == base]
            return THREAD if any("(TLS)" in load.operands[0] for load in before) else base
    return UNKNOWN


def _loads(function: list[Instruction]) -> Iterator[tuple[int, str]]:
    """Offset and base of every operand in memory that is not named."""
    for one in function:
        yield from ((int(offset), base) for offset, base in FROM.findall(", ".join(one.operands)))
