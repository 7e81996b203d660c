"""A foreign program and a foreign image, made byte by byte: no compiler and no registry is needed."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile

from runbook.targets import load_target

ADDI, AUIPC, ECALL = 0x13, 0x17, struct.pack("<I", 0x73)  # RISC-V ISA, volume I, chapter 24
A0, A1, A2, A7 = 10, 11, 12, 17
WRITE, EXIT = 64, 93                  # asm-generic/unistd.h
BASE, HEADERS = 0x10000, 64 + 56


def _instruction(opcode: int, register: int, immediate: int, source: int = 0) -> bytes:
    return struct.pack("<I", immediate << 20 | source << 15 | register << 7 | opcode)


def program(words: bytes) -> bytes:
    """A static riscv64 executable that writes `words` (under 2 KiB) and exits with 7."""
    code = b"".join([
        _instruction(AUIPC, A1, 0),
        _instruction(ADDI, A1, 9 * 4, source=A1),  # behind these nine instructions
        _instruction(ADDI, A0, 1),
        _instruction(ADDI, A2, len(words)),
        _instruction(ADDI, A7, WRITE),
        ECALL,
        _instruction(ADDI, A0, 7),
        _instruction(ADDI, A7, EXIT),
        ECALL,
    ]) + words
    size = HEADERS + len(code)
    machine = load_target("riscv64").elf.machines[0]
    elf = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, machine, 1, BASE + HEADERS, 64, 0, 4, 64, 56, 1, 64, 0, 0)
    return elf + struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 0x1000) + code


def image(name: str, executable: bytes) -> bytes:
    """An image of one program, as `docker save` writes it and `ctr image import` reads it."""
    layer = _tar({"program": executable})
    config = json.dumps({
        "architecture": "riscv64", "os": "linux", "config": {"Cmd": ["/program"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}}).encode()
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    return _tar({"config.json": config, "layer.tar": layer, "manifest.json": json.dumps(manifest).encode()})


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
