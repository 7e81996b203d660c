"""A foreign architecture's programs run on the hosts, and what the kernel is told about them is right."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from runbook.targets import load_target
from runbook.testbed import emulation
from runbook.testbed.bed import Bed
from tests.testbed.small_bed import Ssh

NATIVE = "amd64"


def instruction(*, opcode: int, register: int, immediate: int, source: int = 0) -> bytes:
    """One RV64I instruction of type I, or of type U where its opcode is AUIPC (RISC-V ISA, 2.3)."""
    return struct.pack("<I", immediate << 20 | source << 15 | register << 7 | opcode)


def program(words: bytes) -> bytes:
    """A static RISC-V executable of 64 bits that writes `words` and exits with 7."""
    addi, auipc, ecall = 0x13, 0x17, struct.pack("<I", 0x73)
    a0, a1, a2, a7 = 10, 11, 12, 17
    code = b"".join([
        instruction(opcode=auipc, register=a1, immediate=0),
        instruction(opcode=addi, register=a1, source=a1, immediate=36),
        instruction(opcode=addi, register=a0, immediate=1),
        instruction(opcode=addi, register=a2, immediate=len(words)),
        instruction(opcode=addi, register=a7, immediate=64),             # write
        ecall,
        instruction(opcode=addi, register=a0, immediate=7),
        instruction(opcode=addi, register=a7, immediate=93),             # exit
        ecall,
    ]) + words
    base, headers = 0x10000, 64 + 56
    size = headers + len(code)
    elf = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, load_target("riscv64").elf.machines[0], 1, base + headers, 64, 0, 4,
        64, 56, 1, 64, 0, 0)
    return elf + struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000) + code


def test_a_foreign_program_runs_on_a_host(bed: Bed, ask: Ssh, tmp_path: Path) -> None:
    assert str(bed.emulation) == "riscv64: emulated"
    octal = "".join(f"\\{byte:03o}" for byte in program(b"foreign\n"))
    said = ask("node1", f"printf '{octal}' >foreign && chmod +x foreign && ./foreign; echo $?; rm foreign")
    assert said == "foreign\n7"


def test_a_native_target_needs_no_emulator(bed: Bed) -> None:
    emulated = emulation.provide(NATIVE, bed.layout.name)
    assert emulated.available and emulated.native and str(emulated) == f"{NATIVE}: native"


def test_where_no_emulator_is_known_the_value_says_why(bed: Bed) -> None:
    emulated = emulation.provide("sw64", bed.layout.name)
    assert not emulated.available
    assert "sw64: cannot run here" in str(emulated)


@pytest.mark.parametrize("name", ["riscv64", "arm64", "alpha", "loong64"])
def test_the_header_is_the_one_that_qemu_registers(name: str) -> None:
    target = load_target(name)
    packaged = Path("/usr/lib/binfmt.d", f"{target.names.qemu_user.removesuffix('-static')}.conf").read_text()
    _, _, _, _, magic, mask, *_ = packaged.strip().split(":")
    ours, our_mask = emulation.header(target.elf)
    decoded = [text.encode().decode("unicode_escape").encode("latin-1") for text in (magic, mask)]
    # QEMU's masks differ in what they ignore of the first bytes; every byte that both look at must agree
    assert len(decoded[0]) == len(ours)
    assert all(a & x & y == b & x & y
               for a, b, x, y in zip(ours, decoded[0], our_mask, decoded[1], strict=True))
    assert our_mask[16:] == decoded[1][16:]


def test_an_entry_counts_only_when_it_is_enabled_and_takes_the_program() -> None:
    magic = emulation.header(load_target("riscv64").elf)[0]
    entry = f"enabled\ninterpreter /usr/bin/emulator\nflags: PF\noffset 0\nmagic {magic.hex()}\n"
    assert emulation.runs(entry, magic)
    assert not emulation.runs(entry.replace("enabled", "disabled"), magic)
    assert not emulation.runs(entry, emulation.header(load_target("arm64").elf)[0])
    assert not emulation.runs("enabled\ninterpreter /usr/bin/wine\nextension .exe\n", magic)
