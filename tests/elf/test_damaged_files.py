"""Damaged and hostile files: a BinaryError or an answer, within bounds, whatever the bytes."""

from __future__ import annotations

import random
import struct
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.elf import read
from runbook.errors import BinaryError

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


def test_no_damage_to_real_programs_raises_anything_but_a_binary_error(
    riscv64_program: Path, tmp_path: Path
) -> None:
    chance, file, refused = random.Random(SEED), tmp_path / "damaged", 0
    originals = [Path("/bin/true").resolve().read_bytes(), riscv64_program.read_bytes()[: 256 << 10]]
    for original in originals:
        for data in damaged(original, chance, 75):
            file.write_bytes(data)
            started = time.monotonic()
            try:
                read(file)
            except BinaryError:
                refused += 1
            assert time.monotonic() - started < SECONDS
    assert refused > 50, "the damage did not reach what is read"


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
