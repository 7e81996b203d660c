"""Two files that should be equal are accounted for, section by section."""

from __future__ import annotations

from pathlib import Path

from runbook.elf.image import Image
from runbook.elf.sections import HEADERS, changed, differences


def altered(program: Path, folder: Path, section: str, at: int) -> Path:
    """A copy with one byte of a section turned over."""
    data = bytearray(program.read_bytes())
    with program.open("rb") as stream:
        part = Image(stream, "program").section(section)
    assert part is not None
    data[part.offset + at] ^= 0xFF
    copy = folder / "copy"
    copy.write_bytes(data)
    return copy


def test_equal_files_have_no_difference(riscv64_program: Path) -> None:
    assert differences(riscv64_program, riscv64_program) == ()
    assert changed(riscv64_program, riscv64_program)[0] == ()


def test_a_byte_of_a_section_is_found_where_it_is(riscv64_program: Path, tmp_path: Path) -> None:
    other = altered(riscv64_program, tmp_path, ".rodata", 0x40)
    (found,) = differences(riscv64_program, other)
    assert (found.section, found.first, found.differing) == (".rodata", 0x40, 1)
    assert str(found) == ".rodata: 1 bytes differ, the first at 0x40"
    names, compared = changed(riscv64_program, other)
    assert names == (".rodata",) and compared > 5


def test_bytes_outside_of_any_section_are_the_headers(riscv64_program: Path, tmp_path: Path) -> None:
    data = bytearray(riscv64_program.read_bytes())
    data[9] ^= 0xFF  # EI_PAD, which nothing reads
    (tmp_path / "copy").write_bytes(data)
    (found,) = differences(riscv64_program, tmp_path / "copy")
    assert (found.section, found.first) == (HEADERS, 9)
