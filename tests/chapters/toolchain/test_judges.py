"""Claims about building a toolchain come out by what Go says and by the compiler's own name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.toolchain.compiler import Compiler, NoCompiler
from runbook.chapters.toolchain.evidence import Copy, Port, copied, evidence
from runbook.chapters.toolchain.judges import (
    look_into,
    the_compiler_emits_vector_instructions,
    the_stages_come_in_the_named_order,
    vector_instructions,
)
from runbook.chapters.toolchain.observe import find_go
from runbook.claims.hearing import hear
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import load_target


def heard(port: Port) -> dict[str, bool | None]:
    return {claim.id: judgement.holds for claim, judgement in hear("02_toolchain_build", port)}


def test_upstreams_go_refuses_and_asks_the_kernel(site: Site, local: LocalShell) -> None:
    target = load_target("riscv64")
    port = evidence(find_go(site, local), target, NoCompiler("riscv64", "none", "install one"), local)
    assert "unsupported GOOS/GOARCH pair linux/sw64" in port.refusal
    assert port.by_netlink and not port.by_library
    assert heard(replace(port, config_sub="")) == {
        "1-e": False, "2.2-g": False, "2.4-a": None, "2.4-b": None, "2.4-c": None}


def test_a_port_on_its_own_site_is_judged_by_its_compiler(site: Site, local: LocalShell) -> None:
    target = load_target("sw64")
    port = evidence(find_go(site, local), target, Compiler("cc", "sw_64-sunway-linux-gnu", "", "sw64"), local)
    assert heard(port)["2.4-a"] is False
    if port.config_sub:
        assert heard(port)["2.4-b"] is True and "not recognized" in port.triplets["sw64-linux-gnu"]
        assert heard(replace(port, triplets=dict.fromkeys(port.triplets, "")))["2.4-b"] is False
    named = replace(port, compiler=Compiler("cc", "sw64-linux-gnu", "", "sw64"), refusal="", by_library=("x.go",))
    named = replace(named, config_sub="")
    assert heard(named) == {"1-e": None, "2.2-g": True, "2.4-a": True, "2.4-b": None, "2.4-c": None}


def test_a_go_to_be_copied_is_judged_by_its_place_and_its_machine(site: Site, local: LocalShell) -> None:
    none, target = NoCompiler("riscv64", "none", "install one"), load_target("riscv64")
    port = evidence(find_go(site, local), target, none, local)
    assert port.copy is None, "upstream refuses before there is anything to copy"
    known = replace(port, refusal="", config_sub="")
    own, foreign = load_target("sw64").elf.machines[0], target.elf.machines[0]
    assert heard(replace(known, copy=Copy("bin", own)))["1-e"] is True
    assert heard(replace(known, copy=Copy("bin/linux_sw64", own)))["1-e"] is False
    assert heard(replace(known, copy=Copy("bin", foreign)))["1-e"] is False
    assert heard(replace(known, copy=Copy(why="no room")))["1-e"] is None


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_make_bash_puts_a_go_for_another_machine_beside_its_own(site: Site, local: LocalShell) -> None:
    """A target that upstream knows stands in for the article's: what is copied by its words is this machine's go."""
    target = load_target("riscv64")
    seen = copied(find_go(site, local), target.goarch, local)
    assert (seen.place, seen.machine, seen.why) == ("bin/linux_riscv64", target.elf.machines[0], "")
    assert "unsupported GOOS/GOARCH" in copied(find_go(site, local), "sw64", local).why


def test_the_order_of_the_stages_is_judged_by_a_build_that_came_to_its_end(site: Site, local: LocalShell) -> None:
    none = NoCompiler("riscv64", "none", "install one")
    port = evidence(find_go(site, local), load_target("riscv64"), none, local)
    assert heard(replace(port, built=("binutils", "linux", "gcc", "glibc", "gcc")))["2.4-c"] is True
    assert heard(replace(port, built=("linux", "gcc", "binutils", "glibc", "gcc")))["2.4-c"] is False
    assert heard(replace(port, built=("binutils", "linux", "gcc")))["2.4-c"] is None
    told = the_stages_come_in_the_named_order(replace(port, built=("binutils", "linux", "gcc", "glibc", "gcc")))
    assert told.measured.endswith("the named order leaves out linux")


def test_a_code_generator_that_names_vector_instructions_is_believed(tmp_path: Path) -> None:
    (tmp_path / "ssa.go").write_text("p := s.Prog(sw64.AVLDD)\nq := sw64.AVSTD\nr := sw64.AADDV\n")
    assert vector_instructions(tmp_path, "sw64") == ("VLDD", "VSTD")
    assert vector_instructions(tmp_path, "riscv64") == ()


def test_a_go_without_the_architecture_has_no_code_generator_to_ask(site: Site, local: LocalShell) -> None:
    go = find_go(site, local)
    seen = look_into(go, local)
    assert the_compiler_emits_vector_instructions(seen).holds is None
    known = replace(seen, go=replace(go, targets=go.targets | {"linux/sw64"}))
    assert the_compiler_emits_vector_instructions(known).holds is False
    assert the_compiler_emits_vector_instructions(replace(known, vectors=("VLDD",))).holds is True
