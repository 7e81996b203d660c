"""Binaries of this machine and of Go, read; what no program is refused."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from runbook.elf import Linking, read, verdict_on
from runbook.errors import BinaryError
from runbook.targets import load_target
from runbook.verdict import State


def test_a_static_program_for_another_machine_is_told_from_its_own_bytes(riscv64_program: Path) -> None:
    binary = read(riscv64_program)
    assert (binary.machine, binary.bits, binary.byte_order) == (243, 64, "little")  # EM_RISCV
    assert binary.linking is Linking.STATIC and binary.needed == () and binary.interpreter == ""
    assert binary.architecture == "riscv64"
    assert (
        binary.sha256
        == subprocess.run(["sha256sum", riscv64_program], capture_output=True, text=True).stdout.split()[0]
    )


def test_go_says_which_version_and_settings_built_it(riscv64_program: Path) -> None:
    built = read(riscv64_program).go
    assert built is not None and built.version.startswith("go1.")
    assert built.settings["GOARCH"] == "riscv64" and built.settings["CGO_ENABLED"] == "0"
    assert built.path == "command-line-arguments"


def test_the_pointers_of_a_go_before_1_18_are_followed(riscv64_program: Path, tmp_path: Path) -> None:
    """The layout of Go's debug/buildinfo, written over the blob of a newer Go: none so old is at hand."""
    data = bytearray(riscv64_program.read_bytes())
    start = data.find(b"\xff Go buildinf:")
    load = next(
        part
        for part in _segments(riscv64_program)
        if part.kind == "PT_LOAD" and part.offset <= start < part.offset + part.size
    )
    address = load.address + start - load.offset
    modules = b"#" * 16 + b"path\texample/users\nmod\texample\t(devel)\t\n" + b"#" * 16

    def word(value: int) -> bytes:
        return value.to_bytes(8, "little")

    blob = b"\xff Go buildinf:" + bytes([8, 0]) + word(address + 32) + word(address + 48)
    blob += word(address + 64) + word(8) + word(address + 72) + word(len(modules)) + b"go1.17.7" + modules
    data[start : start + len(blob)] = blob
    old = tmp_path / "old"
    old.write_bytes(data)
    built = read(old).go
    assert built is not None
    assert (built.version, built.path, built.module) == ("go1.17.7", "example/users", "example")


def test_a_dynamic_program_names_its_interpreter_and_libraries() -> None:
    binary = read(Path(shutil.which("ls") or "/bin/ls"))
    assert binary.linking is Linking.DYNAMIC and binary.pie
    assert any(name.startswith("libc.so") for name in binary.needed)
    assert "ld-linux" in binary.interpreter and binary.gnu_build_id


@pytest.mark.skipif(not Path("/sbin/ldconfig").exists(), reason="no static-pie program here: /sbin/ldconfig")
def test_static_pie_is_told_from_static_and_from_a_library() -> None:
    binary = read(Path("/sbin/ldconfig").resolve())
    assert binary.linking is Linking.STATIC_PIE and binary.linking.is_static and binary.pie


def test_a_static_program_of_the_target_passes_both_verdicts(riscv64_program: Path) -> None:
    verdicts = verdict_on(read(riscv64_program), load_target("riscv64"))
    assert [verdict.state for verdict in verdicts] == [State.PASS, State.PASS]


def test_a_program_of_another_machine_fails_by_both_machine_numbers(riscv64_program: Path) -> None:
    machine, static = verdict_on(read(riscv64_program), load_target("sw64"))
    assert machine.state is State.FAIL and "0xf3 (riscv64), sw64 has 0x9916 or 0x10c" in machine.reason
    assert static.state is State.PASS


def test_a_dynamic_program_fails_by_what_it_needs() -> None:
    _, static = verdict_on(read(Path("/bin/ls").resolve()), load_target("amd64"))
    assert static.state is State.FAIL and "libc.so" in static.reason


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no ELF file"),
        (b"#!/bin/sh\n", "no ELF file"),
        (b"\x7fELF", "damaged"),
        (b"\x7fELF\x02\x01\x01" + bytes(9), "beyond its end"),
        (b"\x7fELF\x07\x01\x01" + bytes(60), "generic ABI"),
    ],
)
def test_what_is_no_program_is_refused_in_its_own_words(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(BinaryError, match=said) as refused:
        read(tmp_path / "file")
    assert "next:" in str(refused.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BinaryError, match="No such file"):
        read(tmp_path / "nothing")
    with pytest.raises(BinaryError, match="no regular file"):
        read(tmp_path)


def _segments(path: Path):
    from runbook.elf.image import Image

    with path.open("rb") as stream:
        return Image(stream, path.name).segments
