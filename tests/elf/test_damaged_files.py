"""Damaged and hostile files: a BinaryError or an answer, within bounds, whatever the bytes."""

from __future__ import annotations

import io
import random
import shutil
import struct
import subprocess
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook.elf import read, verdict_on
from runbook.elf.image import Image
from runbook.errors import BinaryError
from runbook.targets import load_target

MEMORY = 64 << 20  # bytes, for one file
SECONDS = 5.0  # for one file
SEED = 20260611
HEADERS = 4096  # most of what is parsed lies there


def damaged(original: bytes, chance: random.Random, cases: int) -> Iterator[bytes]:
    """The program cut short, with changed bytes in its headers, or with a wild number in its headers."""
    for case in range(cases):
        data = bytearray(original)
        if case % 3 == 0:
            del data[chance.randrange(len(data)) :]
        elif case % 3 == 1:
            for _ in range(chance.randrange(1, 24)):
                data[chance.randrange(min(HEADERS, len(data)))] = chance.randrange(256)
        else:
            at = chance.randrange(16, 16 + 8 * 60)
            data[at : at + 8] = struct.pack("<Q", chance.choice([0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1]))
        yield bytes(data)


def damaged_inside(original: bytes, chance: random.Random, cases: int) -> Iterator[bytes]:
    """The program with changed bytes in its own tables, notes and names, wherever in the file they lie."""
    image = Image(io.BytesIO(original), "original")
    parts = [(part.offset, part.size) for part in (*image.segments, *image.sections)
             if part.size and part.kind in ("PT_DYNAMIC", "PT_NOTE", "PT_INTERP", "SHT_STRTAB", "SHT_DYNAMIC")]
    parts += [(part.offset, part.size) for part in image.sections if part.name == ".go.buildinfo"]
    parts.append((image.header.e_shoff, image.header.e_shnum * image.header.e_shentsize))
    parts = [(start, size) for start, size in parts if size and start + size <= len(original)]
    parts += 3 * [(part.offset, part.size) for part in image.segments if part.kind == "PT_DYNAMIC"]
    for _ in range(cases):
        data = bytearray(original)
        start, size = chance.choice(parts)
        for _ in range(chance.randrange(1, 9)):
            at = start + chance.randrange(size)
            wild = struct.pack("<Q", chance.choice([0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, chance.getrandbits(64)]))
            few = wild[: chance.choice((1, 2, 4, 8))]
            data[at : at + len(few)] = few
        yield bytes(data[: len(original)])


def real_programs(riscv64_program: Path, folder: Path) -> Iterator[bytes]:
    """A dynamic program, a static-pie one, a library, one of Go, and an object file where there is a compiler."""
    for path in ("/bin/true", "/sbin/ldconfig", "/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6"):
        if Path(path).exists():
            yield Path(path).resolve().read_bytes()
    yield riscv64_program.read_bytes()
    if shutil.which("gcc"):
        (folder / "object.c").write_text("int nothing(void) { return 0; }\n")
        subprocess.run(["gcc", "-c", "-o", folder / "object.o", folder / "object.c"], check=True, timeout=60)
        yield (folder / "object.o").read_bytes()


@pytest.mark.parametrize("damage", [damaged, damaged_inside])
def test_no_damage_to_real_programs_raises_anything_but_a_binary_error(
    damage: Callable[[bytes, random.Random, int], Iterator[bytes]], riscv64_program: Path, tmp_path: Path
) -> None:
    """Bounded in memory and in time for every file, and what is read is a value that shows itself."""
    chance, file, refused, shown = random.Random(SEED), tmp_path / "damaged", 0, 0
    tracemalloc.start()
    try:
        for original in real_programs(riscv64_program, tmp_path):
            for data in damage(original, chance, 60):
                file.write_bytes(data)
                tracemalloc.reset_peak()
                before, started = tracemalloc.get_traced_memory()[0], time.monotonic()
                try:
                    binary = read(file)
                    assert str(binary) and binary.architecture and len(verdict_on(binary, load_target("sw64"))) == 2
                    shown += 1
                except BinaryError as error:
                    assert "next:" in str(error)
                    refused += 1
                assert tracemalloc.get_traced_memory()[1] - before < MEMORY
                assert time.monotonic() - started < SECONDS
    finally:
        tracemalloc.stop()
    assert refused > 10 and shown > 20, "the damage did not reach what is read, or nothing else did"


def header(*, phoff: int, phnum: int, shoff: int = 0, shnum: int = 0, shstrndx: int = 0) -> bytes:
    return (
        b"\x7fELF\x02\x01\x01"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 2, 243, 1, 0, phoff, shoff, 0, 64, 56, phnum, 64, shnum, shstrndx)
    )


def hostile_notes() -> bytes:
    """Thousands of note segments that all lie over the same megabytes."""
    body = bytes(8 << 20)
    one = struct.pack("<IIQQQQQQ", 4, 4, 64 + 4000 * 56, 0, 0, len(body), 0, 4)
    return header(phoff=64, phnum=4000) + one * 4000 + body


def hostile_names() -> bytes:
    """Thousands of sections whose names have no end."""
    one = struct.pack("<IIQQQQIIQQ", 1, 3, 0, 0, 64, 8 << 20, 0, 0, 0, 0)
    return header(phoff=0, phnum=0, shoff=64 + (8 << 20), shnum=4000) + b"n" * (8 << 20) + one * 4000


def hostile_counts() -> bytes:
    return header(phoff=64, phnum=0xFFFF, shoff=64, shnum=0xFFFF, shstrndx=1) + bytes(1 << 20)


@pytest.mark.parametrize("make", [hostile_notes, hostile_names, hostile_counts])
def test_a_hostile_file_costs_bounded_memory_and_time(make, tmp_path: Path) -> None:
    file = tmp_path / "hostile"
    file.write_bytes(make())
    tracemalloc.start()
    started = time.monotonic()
    try:
        read(file)
    except BinaryError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MEMORY
    assert time.monotonic() - started < 4 * SECONDS  # tracing costs some
