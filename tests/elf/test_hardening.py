"""What a linker was told shows in the file: RELRO, stack, PIE, build id, each made by this machine's own gcc."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from runbook.elf import Linking, read, verdict_on
from runbook.targets import load_target
from runbook.verdict import State

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc here: setup/prepare installs it")
SOURCE = "int main(void) { return 0; }\n"


def made(folder: Path, *flags: str) -> Path:
    (folder / "main.c").write_text(SOURCE)
    subprocess.run(["gcc", *flags, "-o", folder / "made", folder / "main.c"], check=True, timeout=60)
    return folder / "made"


@pytest.mark.parametrize(("flags", "relro"), [
    (("-Wl,-z,norelro",), "none"),
    (("-Wl,-z,relro", "-Wl,-z,lazy"), "partial"),
    (("-Wl,-z,relro", "-Wl,-z,now"), "full"),
])
def test_relro_is_none_partial_or_full(tmp_path: Path, flags: tuple[str, ...], relro: str) -> None:
    assert read(made(tmp_path, *flags)).relro == relro


@pytest.mark.parametrize(("flag", "executable"), [("-Wl,-z,execstack", True), ("-Wl,-z,noexecstack", False)])
def test_a_stack_that_may_be_executed_is_told(tmp_path: Path, flag: str, executable: bool) -> None:
    assert read(made(tmp_path, flag)).stack_executable is executable


@pytest.mark.parametrize(("flags", "linking", "pie"), [
    (("-no-pie",), Linking.DYNAMIC, False),
    (("-pie", "-fPIE"), Linking.DYNAMIC, True),
    (("-static",), Linking.STATIC, False),
    (("-static-pie", "-fPIE"), Linking.STATIC_PIE, True),
    (("-shared", "-fPIC"), Linking.LIBRARY, False),
    (("-c",), Linking.OBJECT, False),
])
def test_how_it_was_linked_is_told(tmp_path: Path, flags: tuple[str, ...], linking: Linking, pie: bool) -> None:
    binary = read(made(tmp_path, *flags))
    assert (binary.linking, binary.pie) == (linking, pie)


def test_a_build_id_is_the_one_that_the_linker_was_given_or_none(tmp_path: Path) -> None:
    wanted = "0123456789abcdef0123456789abcdef01234567"
    assert read(made(tmp_path, f"-Wl,--build-id=0x{wanted}")).gnu_build_id == wanted
    assert read(made(tmp_path, "-Wl,--build-id=none")).gnu_build_id == ""


@pytest.mark.skipif(not shutil.which("readelf"), reason="no readelf here")
def test_readelf_sees_the_same(tmp_path: Path) -> None:
    """An independent reader of the same files: of this machine's, and of a target's where its compiler is here."""
    for program in (made(tmp_path), Path("/bin/true").resolve(), Path(shutil.which("readelf") or "").resolve()):
        binary = read(program)
        told = subprocess.run(["readelf", "-hldnW", program], capture_output=True, text=True, check=True).stdout
        assert binary.gnu_build_id == "".join(re.findall(r"Build ID: (\w+)", told))
        assert binary.needed == tuple(re.findall(r"\(NEEDED\).*\[(.*)\]", told))
        assert binary.interpreter == "".join(re.findall(r"interpreter: (\S+)\]", told))
        assert (binary.relro != "none") == ("GNU_RELRO" in told)


@pytest.mark.parametrize("machine", [0x9916, 268])
def test_both_machine_numbers_of_sw64_are_its_own_and_it_is_told_which(
    riscv64_program: Path, tmp_path: Path, machine: int
) -> None:
    """A program of another machine with the number written over: no SW64 toolchain was at hand."""
    data = bytearray(riscv64_program.read_bytes())
    data[18:20] = machine.to_bytes(2, "little")
    (tmp_path / "program").write_bytes(data)
    binary = read(tmp_path / "program")
    assert binary.architecture == "sw64"
    of_machine, static = verdict_on(binary, load_target("sw64"))
    assert of_machine.state is static.state is State.PASS and f"e_machine {machine:#x}" in of_machine.reason
