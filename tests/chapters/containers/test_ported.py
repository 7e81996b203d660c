"""Claims about ports are decided by a host of that architecture, and by no other."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest

from runbook.chapters.containers.ported import (
    OFFICIAL,
    PORTED,
    Ported,
    Program,
    containerd_is_patched_for_the_architecture,
    parse_ported,
    runc_only_needs_to_be_compiled_again,
)
from runbook.remote.local import LocalShell
from runbook.targets import load_target, of_machine

SUNWAY = Ported("node1", "sw64", {"containerd": Program("1.7.13", "sw64", "go1.20.10", OFFICIAL),
                                  "runc": Program("1.1.12", "sw64", "go1.20.10")}, ("SCMP_ARCH_SW64",))


@pytest.mark.skipif(not shutil.which("containerd") or not shutil.which("runc"), reason="no containerd here")
def test_this_machine_says_what_its_programs_are(local: LocalShell) -> None:
    seen = parse_ported("here", local.run(PORTED.command()).text)
    own = of_machine(os.uname().machine)
    assert own is not None and seen.goarch == own.goarch
    for name in ("containerd", "runc"):
        assert seen.programs[name].goarch == own.goarch and seen.programs[name].version.count(".") == 2
        assert seen.programs[name].go.startswith("go1.")
    assert seen.programs["containerd"].revision
    assert seen.filtered and any(name.startswith("SCMP_ARCH_") for name in seen.filtered)
    for judge in (containerd_is_patched_for_the_architecture, runc_only_needs_to_be_compiled_again):
        assert judge(seen).holds is None and "a port for one says nothing of another" in judge(seen).why


def test_a_host_of_the_architecture_decides() -> None:
    assert containerd_is_patched_for_the_architecture(SUNWAY).holds is True
    for revision, holds in ((f"{OFFICIAL}.m", False), ("1.7.13-4.ky10", False), ("", None)):
        vendors = replace(SUNWAY, programs={"containerd": Program("1.7.13", "sw64", "go1.20.10", revision)})
        assert containerd_is_patched_for_the_architecture(vendors).holds is holds
    assert runc_only_needs_to_be_compiled_again(SUNWAY).holds is True
    bare = runc_only_needs_to_be_compiled_again(replace(SUNWAY, filtered=("SCMP_ARCH_X86_64",)))
    assert bare.holds is False and "of others only" in bare.measured


@pytest.mark.parametrize(("seen", "why"), [
    (replace(SUNWAY, programs={}), "there is no runc on the host"),
    (replace(SUNWAY, programs={"runc": Program("1.1.4", "sw64", "go1.19.8")}), "the host has runc 1.1.4 by go1.19.8"),
    (replace(SUNWAY, programs={"runc": Program("1.1.12", "amd64", "")}), "the host's runc is for amd64"),
    (replace(SUNWAY, filtered=None), "does not tell"),
    (replace(SUNWAY, goarch=""), "an unknown machine"),
])
def test_what_lacks_for_a_judgement_is_named(seen: Ported, why: str) -> None:
    judged = runc_only_needs_to_be_compiled_again(seen)
    assert judged.holds is None and why in judged.why


def test_a_header_without_end_and_no_programs_are_no_error() -> None:
    number = load_target("sw64").elf.machines[0].to_bytes(2, "little").hex(" ")
    said = "== machine\nsw_64\n== runc version\nrunc version 1.1.12\ngo: go1.20.10\n"
    text = f"{said}== runc elf\n 02 01 01{' 00' * 11} {number}\n"
    seen = parse_ported("node1", text)
    assert seen.programs == {"runc": Program("1.1.12", "sw64", "go1.20.10")} and seen.filtered is None
    assert parse_ported("node1", "").programs == {}
    assert parse_ported("node1", "== runc version\nrunc\n== runc elf\n 02").programs["runc"] == Program("", "", "")
