"""An ELF file's headers and parts, read within limits: a hostile file costs no more than an honest one."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from elftools.common.exceptions import ELFError
from elftools.common.utils import struct_parse
from elftools.elf.structs import ELFStructs

from runbook.errors import BinaryError

MAGIC = b"\x7fELF"
CLASSES = {1: 32, 2: 64}  # EI_CLASS, generic ABI
BYTE_ORDERS = {1: "little", 2: "big"}  # EI_DATA, generic ABI
HEADER_BYTES = {32: 52, 64: 64}  # sizeof(Elf32_Ehdr), sizeof(Elf64_Ehdr)
TABLE_LIMIT = 4096
"""Headers of one table that are looked at: the largest programs here have some forty."""
TEXT_LIMIT = 4096
"""Bytes of one text: PATH_MAX, which a library's or an interpreter's path cannot pass (linux/limits.h)."""
NAME_LIMIT = 256
"""Bytes of a section's name that are kept; mangled names of C++ sections are longer."""


@dataclass(frozen=True)
class Part:
    """A segment or a section: its kind, where it lies in the file and in memory, and its flags."""

    kind: str | int  # pyelftools' name, or the number that it does not know
    offset: int
    address: int
    size: int  # bytes in the file
    flags: int
    name: str = ""  # of a section
    link: int = 0


class Image:
    """The headers of one ELF file and the bytes behind them; everything it raises is a BinaryError."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        self._stream = stream
        self.file_size = stream.seek(0, os.SEEK_END)
        ident = self.bytes_at(0, min(16, self.file_size))
        if ident[:4] != MAGIC:
            raise BinaryError(
                f"{name}: no ELF file", next="name a compiled program, not a script or an archive"
            )
        if len(ident) < 16 or ident[4] not in CLASSES or ident[5] not in BYTE_ORDERS:
            raise self.damaged("its class or byte order is none that the generic ABI knows")
        self.bits, self.byte_order = CLASSES[ident[4]], BYTE_ORDERS[ident[5]]
        self._structs = ELFStructs(self.byte_order == "little", self.bits)
        self._structs.create_basic_structs()
        self._structs.create_advanced_structs()
        self.header = self.parse(self._structs.Elf_Ehdr, 0, HEADER_BYTES[self.bits])
        self.machine = self.parse(self._structs.Elf_half("e_machine"), 18, 2)
        self.segments = tuple(self._segments())
        self.sections = tuple(self._sections())

    def damaged(self, why: str) -> BinaryError:
        return BinaryError(
            f"{self.name}: a damaged ELF file: {why}", next="build it again, and compare its SHA-256"
        )

    def bytes_at(self, offset: int, size: int) -> bytes:
        """Exactly these bytes of the file."""
        if offset < 0 or size < 0 or offset + size > self.file_size:
            raise self.damaged(f"{size} bytes at {offset:#x} lie beyond its end")
        self._stream.seek(offset)
        data = self._stream.read(size)
        if len(data) != size:
            raise self.damaged("it became shorter while it was read")
        return data

    def parse(self, struct: Any, offset: int, size: int) -> Any:
        """One of pyelftools' structures of at most `size` bytes at `offset`."""
        try:
            return struct_parse(struct, io.BytesIO(self.bytes_at(offset, size)))
        except ELFError as error:
            raise self.damaged(str(error)) from error

    def offset_of(self, address: int) -> int | None:
        """Where in the file the bytes of a memory address are; None where no segment loads them."""
        for part in self.segments:
            if part.kind == "PT_LOAD" and part.address <= address < part.address + part.size:
                return part.offset + address - part.address
        return None

    def section(self, name: str) -> Part | None:
        return next((part for part in self.sections if part.name == name), None)

    def dynamic(self) -> Iterator[tuple[str | int, int]]:
        """The tags and values of the dynamic segment, up to its DT_NULL."""
        table = next((part for part in self.segments if part.kind == "PT_DYNAMIC"), None)
        if table is None:
            return
        step = 2 * self.bits // 8
        for offset in range(
            table.offset, table.offset + min(table.size, TABLE_LIMIT * step) - step + 1, step
        ):
            entry = self.parse(self._structs.Elf_Dyn, offset, step)
            if entry.d_tag == "DT_NULL":
                return
            yield entry.d_tag, entry.d_val

    def text_at(self, offset: int) -> str:
        """The NUL-terminated text at an offset of the file."""
        data = self.bytes_at(offset, max(0, min(TEXT_LIMIT, self.file_size - offset)))
        text, end, _ = data.partition(b"\0")
        if not end:
            raise self.damaged(f"a text at {offset:#x} has no end")
        return text.decode("utf-8", "replace")

    def _table(
        self, struct: Any, offset: int, count: int, entry: int, least: int, what: str
    ) -> Iterator[Any]:
        if not count or not offset:
            return
        if count > TABLE_LIMIT or entry < least:
            raise self.damaged(f"{count} {what} headers of {entry} bytes")
        for index in range(count):
            yield self.parse(struct, offset + index * entry, entry)

    def _segments(self) -> Iterator[Part]:
        least = 32 if self.bits == 32 else 56  # sizeof(Elf32_Phdr), sizeof(Elf64_Phdr)
        header = self.header
        for one in self._table(
            self._structs.Elf_Phdr, header.e_phoff, header.e_phnum, header.e_phentsize, least, "program"
        ):
            yield Part(one.p_type, one.p_offset, one.p_vaddr, one.p_filesz, one.p_flags)

    def _sections(self) -> Iterator[Part]:
        least = 40 if self.bits == 32 else 64  # sizeof(Elf32_Shdr), sizeof(Elf64_Shdr)
        header = self.header
        found = list(
            self._table(
                self._structs.Elf_Shdr, header.e_shoff, header.e_shnum, header.e_shentsize, least, "section"
            )
        )
        names = found[header.e_shstrndx] if header.e_shstrndx < len(found) else None
        for one in found:
            name = b""
            if names is not None and one.sh_name < names.sh_size:
                start = names.sh_offset + one.sh_name
                name = self.bytes_at(start, max(0, min(NAME_LIMIT, self.file_size - start))).partition(b"\0")[
                    0
                ]
            size = 0 if one.sh_type == "SHT_NOBITS" else one.sh_size
            yield Part(
                one.sh_type,
                one.sh_offset,
                one.sh_addr,
                size,
                one.sh_flags,
                name.decode("utf-8", "replace"),
                one.sh_link,
            )
