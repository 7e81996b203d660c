"""A foreign architecture's programs run on the hosts, and what the kernel is told about them is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook.targets import load_target
from runbook.testbed import emulation
from runbook.testbed.bed import Bed
from tests.testbed.foreign import image, program
from tests.testbed.small_bed import Ssh

NATIVE = "amd64"


def test_a_foreign_program_runs_on_a_host(bed: Bed, ask: Ssh) -> None:
    assert str(bed.emulation) == "riscv64: emulated"
    said = ask("node1", "cat >foreign && chmod +x foreign && ./foreign; echo $?; rm foreign",
               stdin=program(b"foreign\n"))
    assert said == "foreign\n7"


def test_a_foreign_container_runs_on_a_host(ask: Ssh) -> None:
    said = ask("node1", "sudo -n ctr -n test image import --platform linux/riscv64 - >/dev/null; "
                        "sudo -n ctr -n test run --rm --platform linux/riscv64 --read-only --memory-limit 50000000 "
                        "registry.invalid/foreign:1 foreign; echo $?; "
                        "sudo -n ctr -n test image rm --sync registry.invalid/foreign:1",
               stdin=image("registry.invalid/foreign:1", program(b"contained\n")))
    assert said == "contained\n7\nregistry.invalid/foreign:1"


def test_a_native_target_needs_no_emulator(bed: Bed) -> None:
    emulated = emulation.provide(NATIVE, bed.layout.name)
    assert emulated.available and emulated.native and str(emulated) == f"{NATIVE}: native"


def test_where_no_emulator_is_known_the_value_says_why(bed: Bed) -> None:
    emulated = emulation.provide("sw64", bed.layout.name)
    assert not emulated.available
    assert "sw64: cannot run here" in str(emulated)


def test_where_the_kernel_cannot_be_told_the_value_says_why(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulation, "BINFMT", tmp_path / "no-such-folder")
    monkeypatch.setattr(emulation, "SHARED", tmp_path / ".shared")
    monkeypatch.setattr(emulation, "MOUNTED", tmp_path / ".shared" / "mounted")
    emulated = emulation.provide("riscv64", "bedtest")
    assert not emulated.available and "binfmt_misc: mount" in emulated.why
    emulation.release("bedtest")
    assert not list(tmp_path.iterdir())


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
