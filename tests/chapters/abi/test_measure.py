"""Probes compiled and run for real: on this machine, and for the site's target on a host of the testbed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook import targets
from runbook.chapters.abi import measure as measuring
from runbook.chapters.abi.across import functions_of
from runbook.chapters.abi.compare import state_of
from runbook.chapters.abi.convention import ITEMS, RESULT, RETURN
from runbook.chapters.abi.measure import compilers, measure
from runbook.chapters.abi.probe import ROUTINES, Probe, compile_probe, probe_for
from runbook.chapters.toolchain.compiler import Compiler, find_compiler
from runbook.errors import BuildFailed
from runbook.journal import Journal
from runbook.remote.command import Script
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.site import load_site
from runbook.targets import Target, load_target
from runbook.testbed.bed import Bed
from runbook.verdict import Basis, State

UNDEFINED = {"amd64": "ud2", "arm64": "udf #0", "riscv64": "unimp"}  # instructions that trap
VISITORS = Script("ls -d /tmp/runbook-visit.* /var/tmp/runbook-visit.* 2>/dev/null; :")


@pytest.fixture
def own() -> Target:
    found = targets.of_machine(os.uname().machine)
    if found is None or probe_for(found) is None:
        pytest.skip("no probe for this machine")
    return found


@pytest.fixture
def compiler(own: Target, local: LocalShell) -> Compiler:
    found = find_compiler(own, local)
    if not isinstance(found, Compiler):
        pytest.skip(str(found))
    return found


@pytest.fixture
def fleet(bed: Bed, journal: Journal) -> Iterator[Fleet]:
    with Fleet.open(load_site(str(bed.site_file)), recorder=journal) as opened:
        yield opened


def test_this_machines_compiler_follows_its_own_convention(
    own: Target, compiler: Compiler, local: LocalShell, tmp_path: Path
) -> None:
    kept: list[Path] = []
    seen = measure(own, compiler, local, kept.append, local, Basis.NATIVE)
    assert seen.convention is not None and not seen.convention.missing
    assert seen.convention.in_registers == own.registers.integer_arguments[:10]
    assert [path.name for path in kept] == [f"abi-probe-{own.name}"]


def test_a_probe_that_crashes_is_named_and_the_others_go_on(
    own: Target, compiler: Compiler, local: LocalShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    routines = tmp_path / f"{own.name}.S"
    sound = (ROUTINES / f"{own.name}.S").read_text()
    shutil.copy(ROUTINES / f"{own.name}.h", tmp_path)
    routines.write_text(sound.replace("probe_returned:\n", f"probe_returned:\n        {UNDEFINED[own.name]}\n"))
    assert routines.read_text() != sound
    monkeypatch.setattr(measuring, "probe_for", lambda _: Probe(own, routines, (), True))
    seen = measure(own, compiler, local, lambda _: None, local, Basis.NATIVE)
    assert seen.convention is not None
    assert set(seen.convention.missing) >= {RESULT, RETURN} and "ended by SIG" in seen.convention.missing[RESULT]
    assert seen.convention.in_registers == own.registers.integer_arguments[:10]


def test_assembly_that_the_compiler_refuses_is_shown_in_its_own_words(
    own: Target, compiler: Compiler, local: LocalShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    routines = tmp_path / f"{own.name}.S"
    shutil.copy(ROUTINES / f"{own.name}.h", tmp_path)
    routines.write_text("        no_such_instruction\n")
    monkeypatch.setattr(measuring, "probe_for", lambda _: Probe(own, routines, (), False))
    seen = measure(own, compiler, local, lambda _: None, local, Basis.NATIVE)
    assert seen.convention is None and "does not make the probe" in seen.why
    assert "never assembled" in seen.why and "no_such_instruction" in seen.why


def test_a_target_that_nobody_wrote_a_probe_for_says_so(local: LocalShell) -> None:
    seen = measure(load_target("loong64"), Compiler("cc", "x-y", "", "loong64"), local, lambda _: None, local,
                   Basis.NATIVE)
    assert "nobody has written" in seen.why


def test_the_sites_target_is_measured_on_a_host_and_nothing_stays_there(fleet: Fleet, local: LocalShell) -> None:
    target = load_target("riscv64")
    found = compilers(target, local)
    if not found.found[target.name]:
        pytest.skip(str(found.found[target.name]))
    host = fleet[fleet.names[-1]]
    seen = measure(target, found.found[target.name], local, lambda _: None, host, Basis.EMULATED)
    assert seen.convention is not None, seen.why
    assert seen.convention.in_registers == target.registers.integer_arguments and seen.convention.alignment == 16
    assert host.run(VISITORS.command()).text == ""


@pytest.mark.parametrize("name", ["alpha", "arm64", "amd64", "riscv64"])
def test_each_target_that_has_a_compiler_and_an_emulator_here_does_all_that_its_file_expects(
    name: str, local: LocalShell
) -> None:
    """Compiled and run now: what is recorded was measured by the same sources."""
    target = load_target(name)
    seen = compilers(target, local)
    native = seen.own is not None and seen.own.name == name
    if not seen.found[name] or not (native or name in seen.emulators):
        pytest.skip(f"{seen.found[name]}; emulator {seen.emulators.get(name, 'missing')}")
    one = measure(target, seen.found[name], local, lambda _: None, local, Basis.NATIVE if native else Basis.EMULATED,
                  "" if native else seen.emulators[name])
    assert one.convention is not None, one.why
    told = {item: state_of(target, one.convention, item) for item in ITEMS}
    assert told == dict.fromkeys(ITEMS, State.PASS)
    assert one.code.lengths and one.code.add and not one.code.why
    assert {"main", "probe_add"} <= {function.name for function in one.functions} and len(one.functions) > 100
    assert functions_of(one) == f"{len(one.functions)}, all in code"
    assert (one.code.lengths == {4}) is (name in ("alpha", "arm64"))


def test_an_emulator_that_is_missing_is_named_and_nothing_is_raised(local: LocalShell) -> None:
    target = load_target("alpha")
    found = find_compiler(target, local)
    if not isinstance(found, Compiler):
        pytest.skip(str(found))
    seen = measure(target, found, local, lambda _: None, local, Basis.EMULATED, "qemu-alpha-that-is-not-there")
    assert seen.convention is None and "does not run programs for alpha" in seen.why and "qemu-alpha-static" in seen.why


def test_a_host_that_cannot_run_the_targets_programs_is_named_with_what_it_lacks(
    fleet: Fleet, local: LocalShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program for a machine that nobody has: the kernel refuses it, and the shell tries to read it as a script."""
    target = load_target("riscv64")
    foreign = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xff\x7f" + bytes(44)

    def make(probe: Probe, compiler: Compiler, target: Target, shell: LocalShell, output: Path) -> None:
        output.write_bytes(foreign)

    monkeypatch.setattr(measuring, "compile_probe", make)
    host = fleet[fleet.names[0]]
    seen = measure(target, Compiler("cc", "x-y", "", "riscv64"), local, lambda _: None, host, Basis.EMULATED)
    assert seen.convention is None
    assert f"{host.name} does not run programs for riscv64" in seen.why and "qemu-riscv64-static" in seen.why


def test_every_probe_has_its_routines_and_every_file_its_entry() -> None:
    written = {path.stem for path in ROUTINES.glob("*.S")}
    assert written == {name for name in targets.names() if probe_for(load_target(name))}
    for name in written:
        probe = probe_for(load_target(name))
        assert probe is not None and ("EXPECTED" in probe.routines.read_text()) is not probe.tried


def test_a_compiler_for_another_machine_is_refused_by_what_it_makes(
    own: Target, compiler: Compiler, local: LocalShell, tmp_path: Path
) -> None:
    other = next(load_target(name) for name in ("riscv64", "amd64") if name != own.name)
    probe = probe_for(own)
    assert probe is not None
    with pytest.raises(BuildFailed, match=f"not for {other.name}"):
        compile_probe(probe, compiler, other, local, tmp_path / "probe")
