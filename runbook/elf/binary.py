"""One compiled program as it says itself: for which machine, how linked, by whom built."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from runbook import targets
from runbook.elf.go import GoBuild, go_build
from runbook.elf.image import Image
from runbook.elf.notes import GNU_BUILD_ID, GO_BUILD_ID, notes
from runbook.errors import BinaryError

CHUNK = 1 << 20
NEEDED_LIMIT = 1024
EXECUTABLE = 1  # PF_X
BIND_NOW, DF_BIND_NOW, DF_1_NOW, DF_1_PIE = "DT_BIND_NOW", 0x8, 0x1, 0x08000000  # generic ABI; glibc elf.h


class Linking(StrEnum):
    """How a program finds its code; only the first two start in an empty root."""

    STATIC = "static"
    STATIC_PIE = "static-pie"
    DYNAMIC = "dynamic"
    LIBRARY = "shared library"
    OBJECT = "object file"

    @property
    def is_static(self) -> bool:
        return self in (Linking.STATIC, Linking.STATIC_PIE)


@dataclass(frozen=True)
class Binary:
    """The facts of one ELF file; `machine` and `flags` are the header's e_machine and e_flags."""

    path: Path
    size: int
    sha256: str
    machine: int
    bits: int
    byte_order: str
    flags: int
    kind: str  # e_type, as the generic ABI calls it
    linking: Linking
    interpreter: str
    needed: tuple[str, ...]
    relro: str  # "none", "partial" or "full"
    stack_executable: bool | None  # None: nothing is said, the kernel decides
    pie: bool
    gnu_build_id: str
    go_build_id: str
    go: GoBuild | None
    sections: tuple[str, ...]

    @property
    def architecture(self) -> str:
        """The names of the targets that use this e_machine, else its number."""
        return (
            " or ".join(target.name for target in targets.of_elf(self.machine))
            or f"e_machine {self.machine:#x}"
        )

    def __str__(self) -> str:
        return (
            f"{self.path.name}: {self.linking}, {self.architecture}, ELF{self.bits} {self.byte_order} endian"
        )


def read(path: Path) -> Binary:
    """What the file at `path` is. Raises BinaryError: not there, no ELF file, truncated or damaged."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BinaryError(f"{path}: no regular file", next="name a compiled program")
        with path.open("rb") as stream:
            return _facts(path, Image(stream, str(path)), _sha256(stream))
    except OSError as error:
        raise BinaryError(f"{path}: {error.strerror}", next="check the path, and who may read it") from error


def _sha256(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    stream.seek(0)
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _facts(path: Path, image: Image, sha256: str) -> Binary:
    dynamic = list(image.dynamic())
    flags_1 = next((value for tag, value in dynamic if tag == "DT_FLAGS_1"), 0)
    flags = next((value for tag, value in dynamic if tag == "DT_FLAGS"), 0)
    now = bool(flags & DF_BIND_NOW or flags_1 & DF_1_NOW or any(tag == BIND_NOW for tag, _ in dynamic))
    kinds = {part.kind for part in image.segments}
    stack = next((part for part in image.segments if part.kind == "PT_GNU_STACK"), None)
    interpreter = next(
        (image.text_at(part.offset) for part in image.segments if part.kind == "PT_INTERP"), ""
    )
    needed = _needed(image, dynamic)
    kind = str(image.header.e_type)
    told = {(note.owner, note.kind): note.content for note in notes(image)}
    return Binary(
        path=path,
        size=image.file_size,
        sha256=sha256,
        machine=image.machine,
        bits=image.bits,
        byte_order=image.byte_order,
        flags=image.header.e_flags,
        kind=kind,
        linking=_linking(kind, "PT_INTERP" in kinds, needed, bool(flags_1 & DF_1_PIE)),
        interpreter=interpreter,
        needed=needed,
        relro=("full" if now else "partial") if "PT_GNU_RELRO" in kinds else "none",
        stack_executable=bool(stack.flags & EXECUTABLE) if stack else None,
        pie=kind == "ET_DYN" and ("PT_INTERP" in kinds or bool(flags_1 & DF_1_PIE)),
        gnu_build_id=told.get(GNU_BUILD_ID, b"").hex(),
        go_build_id=told.get(GO_BUILD_ID, b"").decode("utf-8", "replace"),
        go=go_build(image),
        sections=tuple(part.name for part in image.sections if part.name),
    )


def _linking(kind: str, interpreted: bool, needed: tuple[str, ...], marked_pie: bool) -> Linking:
    if kind == "ET_EXEC":
        return Linking.DYNAMIC if interpreted or needed else Linking.STATIC
    if kind == "ET_DYN":
        if interpreted:
            return Linking.DYNAMIC
        return Linking.STATIC_PIE if marked_pie and not needed else Linking.LIBRARY
    return Linking.OBJECT


def _needed(image: Image, dynamic: list[tuple[str | int, int]]) -> tuple[str, ...]:
    """The libraries that the loader must find first, in order."""
    wanted = [value for tag, value in dynamic if tag == "DT_NEEDED"]
    table = next((value for tag, value in dynamic if tag == "DT_STRTAB"), None)
    if not wanted:
        return ()
    if len(wanted) > NEEDED_LIMIT:
        raise image.damaged(f"it needs {len(wanted)} libraries")
    start = image.offset_of(table) if table is not None else None
    if start is None:
        raise image.damaged("it needs libraries but no string table names them")
    return tuple(image.text_at(start + value) for value in wanted)
