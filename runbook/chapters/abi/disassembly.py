"""The probe's machine code, taken apart by the compiler's own objdump: lengths of instructions, and what add() is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.toolchain.compiler import Compiler
from runbook.errors import RemoteError
from runbook.remote.command import command
from runbook.remote.shell import Shell

LIMIT = 60.0  # seconds; a third of one is usual
FUNCTION = "probe_add"
LINE = re.compile(r"^\s+[0-9a-f]+:\t([0-9a-f ]+?)\s*(?:\t(.*))?$")
BEGINS = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
NO_CODE = (".", "...")  # data between functions that a disassembler shows as it is


@dataclass(frozen=True)
class Code:
    """`lengths` in bytes, of every instruction of the program with the C library; `add` line by line."""

    lengths: frozenset[int] = frozenset()
    add: tuple[str, ...] = ()
    why: str = ""  # nothing was taken apart

    def __str__(self) -> str:
        return self.why or f"{'; '.join(self.add)}; instructions of {', '.join(map(str, sorted(self.lengths)))} bytes"


def take_apart(program: Path, compiler: Compiler, shell: Shell) -> Code:
    """Asks the compiler for its objdump. What does not work is the answer's `why`."""
    try:
        tool = shell.run(command(compiler.program, "-print-prog-name=objdump", limit=LIMIT)).text.strip()
        told = shell.run(command(tool or "objdump", "-d", "-w", str(program), limit=LIMIT)).text
    except RemoteError as error:
        return Code(why=error.what)
    return parse_disassembly(told.splitlines())


def parse_disassembly(lines: Iterable[str]) -> Code:
    """What `objdump -d -w` prints."""
    lengths: set[int] = set()
    add: list[str] = []
    function = ""
    for line in lines:
        begins = BEGINS.match(line)
        if begins:
            function = begins[1]
            continue
        found = LINE.match(line)
        if not found or not found[2] or found[2].startswith(NO_CODE):
            continue
        lengths.add(len(found[1].replace(" ", "")) // 2)
        if function == FUNCTION:
            add.append(" ".join(found[2].split()))
    return Code(frozenset(lengths), tuple(add)) if add else Code(why=f"objdump shows no function {FUNCTION}")
