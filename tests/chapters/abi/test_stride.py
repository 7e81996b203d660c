"""The cache line is where a second load begins to cost: measured for real here, and never under an emulator."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.abi.stride import PLAYED, line_of, lines_of, measure_line, parse_stride, stride_program
from runbook.chapters.compile.build import Built
from runbook.chapters.toolchain.observe import find_go
from runbook.journal import Journal
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import Target, load_target, of_machine
from runbook.verdict import Basis, State

MEASURED = "stride 8 4.714\nstride 16 4.720\nstride 32 4.688\nstride 64 7.057\nstride 128 7.065\nstride 256 7.052\n"


@pytest.fixture
def own() -> Target:
    found = of_machine(os.uname().machine)
    assert found is not None
    return found


@pytest.fixture
def program(site: Site, local: LocalShell, own: Target, tmp_path: Path) -> Built:
    return stride_program(find_go(site, local), own, local, tmp_path / "home", tmp_path / "kept")


def test_the_step_is_the_line_and_where_there_is_none_nothing_is_claimed() -> None:
    times = parse_stride(MEASURED)
    assert line_of(times) == 64
    assert line_of({**times, 64: 4.7}) == 128
    assert line_of({**times, 256: 4.7}) is None, "a way back is no step"
    assert line_of({8: 4.7, 16: 4.8, 32: 4.7}) is None and line_of({}) is None


def test_this_machines_line_is_measured_and_held_against_its_file(program: Built, local: LocalShell, own: Target
                                                                   ) -> None:
    verdict = measure_line(local, program.path, own)
    if verdict.state is State.SKIPPED:
        pytest.skip(verdict.reason)
    (figure,) = verdict.figures.values()
    assert figure.value in (32, 64, 128, 256) and figure.basis is Basis.NATIVE
    other = replace(own, memory=replace(own.memory, cache_line=2 * int(figure.value)))
    wrong = measure_line(local, program.path, other)
    assert wrong.state is State.FAIL and f"the target file expects {2 * int(figure.value)}" in wrong.reason


def test_under_an_emulator_nothing_is_measured_nor_built(site: Site, journal: Journal) -> None:
    def never() -> Built:
        raise AssertionError("nothing is to be built")
    with Fleet.open(site, recorder=journal) as fleet:
        (verdict,) = lines_of(fleet, load_target("riscv64"), lambda _: Basis.EMULATED, never)
    assert verdict.state is State.SKIPPED and verdict.reason == PLAYED


def test_a_program_that_crashes_is_a_failure_with_its_signal(local: LocalShell, own: Target, tmp_path: Path) -> None:
    program = tmp_path / "stride"
    program.write_text("#!/bin/sh\nkill -ILL $$\n")
    verdict = measure_line(local, program, own)
    assert verdict.state is State.FAIL and "SIGILL" in verdict.reason
    program.write_text("#!/bin/sh\necho nothing\n")
    assert measure_line(local, program, own).state is State.SKIPPED
