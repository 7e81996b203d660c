"""Go's own convention is read from what its compiler makes of the probe: on the stack once, in registers since."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.abi.go_convention import (
    ARGUMENTS,
    CLOSURE,
    GOROUTINE,
    GoConvention,
    GoConventions,
    Own,
    measure_go,
    own_sources,
    verify_go,
)
from runbook.chapters.abi.go_listing import COUNT, STACK, THREAD, parse_listing
from runbook.chapters.toolchain.observe import Go, find_go
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import load_target
from runbook.verdict import State
from tests.chapters.gos import with_go

RECORDED = Path(__file__).parents[2] / "recorded" / "go-listings"
RISCV64 = load_target("riscv64")
WANTED = {  # as Go's abi-internal.md has them: how many of each kind, the first and the last, goroutine and closure
    "amd64": (9, 15, "AX", "R11", "R14", "DX"),
    "arm64": (16, 16, "R0", "R15", "R28", "R26"),
    "loong64": (16, 16, "R4", "R19", "R22", "R29"),
    "riscv64": (16, 16, "X10", "X23", "X27", "X26"),
}


@pytest.fixture
def seen(site: Site, local: LocalShell, tmp_path: Path) -> GoConventions:
    return measure_go(find_go(site, local), RISCV64, local, tmp_path)


def told(one: GoConvention) -> tuple[object, ...]:
    return (len(one.in_registers), len(one.reals_in_registers), one.in_registers[0], one.in_registers[-1],
            one.goroutine, one.seen.closure)


def test_todays_go_passes_arguments_in_registers_on_every_target(seen: GoConventions) -> None:
    assert seen.measured[0].target.name == "riscv64" and str(seen.measured[0]) == "riscv64: measured"
    found = {one.target.name: told(one) for one in seen.measured if one.seen}
    assert found == WANTED
    for one in seen.measured:
        if one.seen:
            assert set(one.seen.integers[len(one.in_registers):]) == {STACK} and len(one.seen.integers) == COUNT
            assert one.seen.result == one.in_registers[0]
            assert {verdict.state for verdict in verify_go(one)} == {State.PASS}
            about = one.target.go
            assert (about.goroutine, about.closure) == (one.goroutine, one.seen.closure), "its file says so too"
            assert f"in {len(one.in_registers)} registers" in about.arguments


def test_a_target_that_this_go_does_not_know_is_skipped_and_its_expected_registers_are_shown(seen: GoConventions
                                                                                             ) -> None:
    (sw64,) = (one for one in seen.measured if one.target.name == "sw64")
    (verdict,) = verify_go(sw64)
    assert verdict.state is State.SKIPPED and "does not build for linux/sw64" in verdict.reason
    page = seen._repr_html_()
    assert "goroutine $15; closure $25; arguments on the stack in Go 1.16.4" in page and "linux/riscv64" in page
    assert repr(seen).endswith(": riscv64: measured")


@pytest.mark.parametrize(("goarch", "goroutine", "closure"), [
    ("amd64", THREAD, "DX"), ("riscv64", "g", "X20")])
def test_go_1_16_passes_everything_on_the_stack(goarch: str, goroutine: str, closure: str) -> None:
    listing = parse_listing((RECORDED / f"go1.16.15-{goarch}").read_text())
    assert set(listing.integers) == set(listing.reals) == {STACK} and listing.result == STACK
    assert (listing.goroutine, listing.closure) == (goroutine, closure)
    own = Own(goroutine="X27" if goroutine == "g" else "", closure=closure)
    verdicts = tuple(verify_go(GoConvention(load_target(goarch), own, listing)))
    assert [one.state for one in verdicts] == [State.PASS] * 3
    assert "all on the stack" in verdicts[0].reason


def test_an_older_go_has_its_own_convention(site: Site, local: LocalShell, tmp_path: Path) -> None:
    """loong64 came to registers in Go 1.22, riscv64 in 1.19."""
    if not Path("/usr/lib/go-1.19/bin/go").exists():
        pytest.fail("no Go in /usr/lib/go-1.19: setup/debian installs golang-1.19-go")
    seen = measure_go(find_go(with_go(site, "dir", "/usr/lib/go-1.19"), local), RISCV64, local, tmp_path)
    found = {one.target.name: len(one.in_registers) for one in seen.measured if one.seen}
    assert found == {"amd64": 9, "arm64": 16, "riscv64": 16, "loong64": 0}
    for one in seen.measured:
        assert {verdict.state for verdict in verify_go(one)} <= {State.PASS, State.SKIPPED}


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", ["1.16.15", "1.18.10", "1.22.12"])
def test_releases_do_as_their_own_sources_say(site: Site, local: LocalShell, tmp_path: Path, version: str) -> None:
    seen = measure_go(find_go(with_go(site, "version", version), local), RISCV64, local, tmp_path)
    assert {one.target.name for one in seen.measured if one.seen} >= {"amd64", "arm64", "riscv64"}
    for one in seen.measured:
        assert {verdict.state for verdict in verify_go(one)} == ({State.PASS} if one.seen else {State.SKIPPED})


def test_a_compiler_that_does_otherwise_than_its_sources_say_fails(seen: GoConventions) -> None:
    one = seen.measured[0]
    wrong = replace(one, own=replace(one.own, integers=8, closure="X20"))
    states = {verdict.what: verdict.state for verdict in verify_go(wrong)}
    assert states == {f"riscv64: {ARGUMENTS}": State.FAIL, f"riscv64: {GOROUTINE}": State.PASS,
                      f"riscv64: {CLOSURE}": State.FAIL}
    lost = replace(one, seen=replace(one.seen, integers=("?",) * COUNT))
    arguments, *_ = verify_go(lost)
    assert arguments.state is State.FAIL and "found nowhere" in arguments.reason
    *_, closure = verify_go(replace(one, own=replace(one.own, closure="")))
    assert closure.state is State.SKIPPED


def test_a_go_that_prints_no_listing_says_so(old_go: Go, local: LocalShell, tmp_path: Path) -> None:
    (old_go.root / "bin").mkdir(parents=True)
    old_go.program.write_text("#!/bin/sh\nexit 0\n")
    old_go.program.chmod(0o755)
    sw64 = measure_go(old_go, load_target("sw64"), local, tmp_path).measured[0]
    assert sw64.why == "Go 1.16.4 printed no listing of the probe"
    old_go.program.write_text("#!/bin/sh\nkill -SEGV $$\n")
    assert "SIGSEGV" in measure_go(old_go, load_target("sw64"), local, tmp_path).measured[0].why
    assert parse_listing("nonsense\n\t0x0000 00000 (x.go:1)\tMOVQ\tAX, BX\n") is None


def test_a_ports_own_names_are_read_from_its_assembler(tmp_path: Path) -> None:
    folder = tmp_path / "src/cmd/internal/obj/sw64"
    folder.mkdir(parents=True)
    (folder / "a.out.go").write_text("\tREGCTXT = REG_R25 // closure\n\tREG_G\t= REG_S6\n\tREG_S6 = REG_R15\n")
    assert own_sources(tmp_path, load_target("sw64")) == Own(0, 0, "R15", "R25")
