"""A Go program's start, timed and traced for real on this machine, and read from what others printed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from runbook.chapters.compile.build import Built, build
from runbook.chapters.compile.decide import recipe_for
from runbook.chapters.compile.sources import read_sources
from runbook.chapters.toolchain.observe import find_go
from runbook.chapters.toolchain.programs import SOURCES, STARTUP
from runbook.chapters.toolchain.started import Started, verify_starts
from runbook.chapters.toolchain.startup import RUNS, Startup, parse_calls, parse_times, start_up
from runbook.claims.hearing import hear
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import load_target, of_machine
from runbook.verdict import Basis, State

SW64, AMD64 = load_target("sw64"), "amd64"
NATIVE = Startup("node1", "sw64", Basis.NATIVE, {"init": (8.2,), "main": (8.3,), "end": (9.0,)},
                 calls={"mmap": 20, "brk": 1}, mapped=(0x200001000,))


@pytest.fixture
def program(site: Site, local: LocalShell, tmp_path: Path) -> Built:
    own = of_machine(os.uname().machine)
    assert own is not None
    recipe = recipe_for(STARTUP, read_sources(SOURCES, STARTUP), find_go(site, local), own, tmp_path / "home")
    return build(recipe, local, tmp_path / "kept")


def test_every_start_comes_to_main_and_go_asks_for_no_brk(program: Built, local: LocalShell) -> None:
    seen = start_up(program, local, AMD64, Basis.NATIVE)
    assert not seen.why and {phase: len(times) for phase, times in seen.phases.items()} == dict.fromkeys(
        ("init", "main", "end"), RUNS)
    for init, main, end in zip(*seen.phases.values(), strict=True):
        assert 0 < init <= main <= end < 5000
    assert list(seen.trace)[-1] == "main" and 0 < seen.trace["main"] < 1000
    if not shutil.which("strace"):
        assert "strace" in seen.untraced
        return
    assert seen.calls["mmap"] > 5 and "brk" not in seen.calls and seen.calls["execve"] == 1
    told = {claim.id: judgement for claim, judgement in hear(
        "02_toolchain_build", Started(load_target(AMD64), seen))}
    assert told["2.5-e"].holds is False and "brk 0 times" in told["2.5-e"].measured
    assert told["2.5-f"].holds is told["2.5-h"].holds is None


def test_the_emulators_trace_and_straces_are_read_alike() -> None:
    text = ("call 16630 brk(NULL) = 0x0000000000a2c000\ncall 16630 mmap(NULL,262144,3,34,-1,0) = 0x0000004000802000\n"
            "call [pid  7] mmap(NULL, 131072, PROT_NONE, MAP_PRIVATE, -1, 0) = 0x7f0d48245000\n"
            "call write(1, \"a = b\", 5) = 5\ncall 16630 exit_group(0)\nrun 1 2 3\n")
    calls, mapped = parse_calls(text)
    assert calls == {"brk": 1, "mmap": 2, "write": 1} and mapped == (0x4000802000, 0x7F0D48245000)
    assert parse_times("run 1000000 2000000 3000000\ntrace init os @0.5 ms, 1 ms clock\n") == (
        {"init": (1.0,), "main": (2.0,), "end": (3.0,)}, {"os": 0.5})
    assert parse_times("") == ({}, {}) and parse_calls("nonsense") == ({}, ())


def heard(seen: Started) -> dict[str, bool | None]:
    return {claim.id: judgement.holds for claim, judgement in hear("02_toolchain_build", seen)}


def test_a_native_host_of_the_articles_kind_decides_either_way() -> None:
    other = Startup("local", AMD64, Basis.NATIVE, {"init": (9.4,), "main": (9.43,), "end": (10.0,)})
    assert heard(Started(SW64, NATIVE, other)) == {"2.5-e": True, "2.5-f": True, "2.5-h": True}
    real = Startup("node1", "sw64", Basis.NATIVE, {"init": (2.0,), "main": (2.1,), "end": (3.0,)},
                   calls={"mmap": 20}, mapped=(0x200002000,))
    assert heard(Started(SW64, real, other)) == {"2.5-e": False, "2.5-f": False, "2.5-h": False}


def test_an_emulated_start_judges_its_calls_and_no_time() -> None:
    played = Startup("node1", "sw64", Basis.EMULATED, NATIVE.phases, calls={"mmap": 3}, mapped=(4096,))
    assert heard(Started(SW64, played)) == {"2.5-e": False, "2.5-f": None, "2.5-h": None}
    (verdict,) = verify_starts(Started(SW64, played))
    assert verdict.state is State.PASS and {figure.basis for figure in verdict.figures.values()} == {Basis.EMULATED}


def test_a_program_that_does_not_start_fails_and_check_mode_is_skipped() -> None:
    (verdict,) = verify_starts(Started(SW64, Startup("node1", "sw64", Basis.NATIVE, why="exit 1: no such file")))
    assert verdict.state is State.FAIL and "no such file" in verdict.reason
    (verdict,) = verify_starts(Started(SW64, None))
    assert verdict.state is State.SKIPPED and heard(Started(SW64, None))["2.5-e"] is None
