"""The functions that a binary exports, each by its symbol: name, address, size, and whether code lies there."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook.elf.image import Image, Part
from runbook.errors import BinaryError

SYMBOLS_LIMIT = 400_000  # of one table: a large C++ library has some ten thousand, a kernel a hundred thousand
NAMES_LIMIT = 32 << 20  # bytes of all their names
LAYOUT = {32: "IIIBBH", 64: "IBBHQQ"}  # Elf32_Sym, Elf64_Sym, generic ABI; without padding
GLOBAL, WEAK, UNIQUE = 1, 2, 10  # STB_*; the last is GNU's
FUNCTION, INDIRECT = 2, 10  # STT_FUNC, GNU's STT_GNU_IFUNC
EXECUTABLE = 1  # PF_X
DYNAMIC, WHOLE = "SHT_DYNSYM", "SHT_SYMTAB"


@dataclass(frozen=True)
class Function:
    """One exported function; `is_code` is false where no executable part of the program has its address."""

    name: str
    address: int
    size: int  # bytes; 0: the assembler was not told
    is_code: bool


def exported_functions(path: Path) -> tuple[Function, ...]:
    """In the order of their names; of a library or a dynamic program what the loader sees, else of the whole table.

    Empty where the binary was stripped of it. Raises BinaryError as `read` does.
    """
    try:
        with path.open("rb") as stream:
            image = Image(stream, str(path))
            table = next((part for kind in (DYNAMIC, WHOLE) for part in image.sections if part.kind == kind), None)
            return () if table is None else tuple(sorted(_functions(image, table), key=lambda one: one.name))
    except OSError as error:
        raise BinaryError(f"{path}: {error.strerror}", next="check the path, and who may read it") from error


def _functions(image: Image, table: Part) -> Iterator[Function]:
    entry = struct.Struct(("<" if image.byte_order == "little" else ">") + LAYOUT[image.bits])
    if table.link >= len(image.sections):
        raise image.damaged(f"its symbols have their names in section {table.link}")
    strings = image.sections[table.link]
    if table.size > SYMBOLS_LIMIT * entry.size or strings.size > NAMES_LIMIT:
        raise image.damaged(f"a symbol table of {table.size} bytes with {strings.size} bytes of names")
    names = image.bytes_at(strings.offset, strings.size)
    data = image.bytes_at(table.offset, table.size - table.size % entry.size)
    code = [(part.address, part.address + part.size) for part in image.segments
            if part.kind == "PT_LOAD" and part.flags & EXECUTABLE]
    for fields in entry.iter_unpack(data):
        if image.bits == 64:
            name, info, _, section, address, size = fields
        else:
            name, address, size, info, _, section = fields
        if not section or info >> 4 not in (GLOBAL, WEAK, UNIQUE) or info & 15 not in (FUNCTION, INDIRECT):
            continue
        end = names.find(b"\0", name)
        if name >= len(names) or end < 0:
            raise image.damaged(f"a symbol's name at {name:#x} has no end")
        yield Function(names[name:end].decode("utf-8", "replace"), address, size,
                       any(start <= address < stop for start, stop in code))
