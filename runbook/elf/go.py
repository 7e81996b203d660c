"""What Go wrote into a binary: its version, the module and the build's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook.elf.image import Image

MAGIC = b"\xff Go buildinf:"  # Go's debug/buildinfo
ALIGNMENT = 16  # of the blob
INLINE = 2  # flag since Go 1.18: strings follow the header; before, pointers do
BIG_ENDIAN = 1  # flag before Go 1.18
HEADER = 32
SENTINEL = 16  # bytes before and after the module text
STRING_LIMIT = 1 << 20
SEARCH_LIMIT = 64 << 10  # as debug/buildinfo searches the data segment


@dataclass(frozen=True)
class Module:
    """A module that a binary is made of; `instead_of` is the one that a `replace` put it in the place of."""

    path: str
    version: str
    sum: str = ""  # `h1:` and base64, as in go.sum; empty: the build has none, as of a folder
    instead_of: str = ""

    def __str__(self) -> str:
        return f"{self.path} {self.version}"


@dataclass(frozen=True)
class GoBuild:
    """Go's own account of a build; `settings` are those of `go version -m`."""

    version: str
    path: str = ""
    module: str = ""
    dependencies: Mapping[str, str] = field(default_factory=dict, hash=False)  # versions that were asked for, by path
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    modules: tuple[Module, ...] = ()  # what came of them

    def __str__(self) -> str:
        return f"{self.version}, {self.path or 'no package path'}, {len(self.dependencies)} modules"


def parse_modules(version: str, text: str) -> GoBuild:
    """The tab-separated lines that `go version -m` shows."""
    path = module = ""
    dependencies: dict[str, str] = {}
    settings: dict[str, str] = {}
    modules: list[Module] = []
    for line in text.splitlines():
        kind, *rest = line.split("\t")
        if kind == "path" and rest:
            path = rest[0]
        elif kind == "mod" and rest:
            module = rest[0]
        elif kind == "dep" and len(rest) >= 2:
            dependencies[rest[0]] = rest[1]
            modules.append(Module(rest[0], rest[1], rest[2] if len(rest) > 2 else ""))
        elif kind == "=>" and rest and modules:
            there, *more = rest
            modules[-1] = Module(there, more[0] if more else "", more[1] if len(more) > 1 else "", str(modules[-1]))
        elif kind == "build" and rest:
            name, _, value = rest[0].partition("=")
            settings[name] = value
    return GoBuild(version, path, module, dependencies, settings, tuple(modules))


def go_build(image: Image) -> GoBuild | None:
    """Go's build information; None where there is none or it cannot be followed."""
    start = _blob(image)
    if start is None or start + HEADER > image.file_size:
        return None
    header = image.bytes_at(start, HEADER)
    if header[15] & INLINE:
        version, after = _inline(image, start + HEADER)
        modules, _ = _inline(image, after)
    else:
        width = header[14]
        if width not in (4, 8):
            return None
        order = "big" if header[15] & BIG_ENDIAN else "little"
        version, modules = (
            _pointed(image, int.from_bytes(header[at : at + width], order), width, order)
            for at in (16, 16 + width)
        )
    if not version.startswith(b"go") and not version.startswith(b"devel"):
        return None
    text = modules[SENTINEL:-SENTINEL] if len(modules) > 2 * SENTINEL else b""
    return parse_modules(version.decode("utf-8", "replace"), text.decode("utf-8", "replace"))


def _blob(image: Image) -> int | None:
    """Where the blob starts: in its section, else in the first segment that can be written."""
    section = image.section(".go.buildinfo")
    writable = (part for part in image.segments if part.kind == "PT_LOAD" and part.flags & 2)
    for part in ((section,) if section else ()) or writable:
        data = image.bytes_at(part.offset, min(part.size, SEARCH_LIMIT))
        at = data.find(MAGIC)
        while at >= 0 and at % ALIGNMENT:
            at = data.find(MAGIC, at + 1)
        return part.offset + at if at >= 0 else None
    return None


def _inline(image: Image, at: int) -> tuple[bytes, int]:
    """A string with its length as a variable-length integer before it, and where the next thing starts."""
    length = shift = 0
    for byte in image.bytes_at(at, max(0, min(10, image.file_size - at))):
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return image.bytes_at(at, min(length, STRING_LIMIT)), at + length


def _pointed(image: Image, address: int, width: int, order: str) -> bytes:
    """A Go string header (address, length) at a memory address, and the string behind it."""
    offset = image.offset_of(address)
    if offset is None:
        return b""
    header = image.bytes_at(offset, 2 * width)
    where, length = (int.from_bytes(header[at : at + width], order) for at in (0, width))  # type: ignore[arg-type]
    offset = image.offset_of(where)
    return b"" if offset is None else image.bytes_at(offset, min(length, STRING_LIMIT))
