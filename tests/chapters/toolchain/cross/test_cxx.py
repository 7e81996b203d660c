"""A program in C++ is built by what stands beside the C compiler; without it that is said, and nothing else fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook.chapters.toolchain.compiler import Compiler, find_compiler
from runbook.chapters.toolchain.cross.cgo import CgoTrial
from runbook.chapters.toolchain.cross.checks import SAYS
from runbook.chapters.toolchain.cross.cxx import CxxRun, beside, try_cxx
from runbook.chapters.toolchain.cross.passport import CPassport, of_distribution
from runbook.chapters.toolchain.cross.verify import verify_c
from runbook.journal import Journal
from runbook.remote.local import LocalShell
from runbook.targets import load_target
from runbook.verdict import Basis, State
from tests.chapters.toolchain.cross import tiny

TARGET = load_target("riscv64")


@pytest.fixture(scope="module")
def passport(tmp_path_factory: pytest.TempPathFactory) -> CPassport:
    """Asked once, since dpkg takes a second for all the parts."""
    tiny.needs_the_cross_compiler()
    shell = LocalShell(Journal(tmp_path_factory.mktemp("run")))
    found = find_compiler(TARGET, shell)
    assert isinstance(found, Compiler)
    return of_distribution(found, shell)


@pytest.mark.parametrize(("c", "cxx"), [
    ("/usr/bin/riscv64-linux-gnu-gcc", "/usr/bin/riscv64-linux-gnu-g++"), ("/usr/bin/gcc", "/usr/bin/g++"),
    ("/usr/bin/cc", "/usr/bin/g++"), ("/opt/v/bin/sw_64-sunway-linux-gnu-gcc", "/opt/v/bin/sw_64-sunway-linux-gnu-g++"),
])
def test_the_cxx_compiler_is_the_one_of_the_same_make(c: str, cxx: str) -> None:
    assert str(beside(Compiler(c, "", "", ""))) == cxx


def test_one_is_built_and_runs_and_a_broken_one_is_told(local: LocalShell, tmp_path: Path) -> None:
    tiny.needs_the_cross_compiler()
    found = find_compiler(TARGET, local)
    assert isinstance(found, Compiler)
    seen = try_cxx(found, local, local)
    assert (seen.said, seen.why, seen.missing, seen.interpreter) == (SAYS, "", "", "")
    broken = tmp_path / "x-g++"
    broken.write_text("#!/bin/sh\necho no such instruction >&2; exit 1\n")
    broken.chmod(0o755)
    assert "exit 1" in try_cxx(Compiler(str(tmp_path / "x-gcc"), "", "", "riscv64"), local, local).why


@pytest.mark.parametrize(("run", "state", "words"), [
    (CxxRun("", SAYS), State.PASS, "throws an exception and catches it, emulated"),
    (CxxRun("", "terminate called"), State.FAIL, "it said 'terminate called'"),
    (CxxRun("/lib/ld.so", SAYS), State.FAIL, "it is not static"),
    (CxxRun(why="exit 134: terminate"), State.FAIL, "exit 134"),
    (CxxRun(missing="/x-g++ is not on this machine"), State.SKIPPED, "not on this machine"),
])
def test_what_became_of_it_is_a_verdict(
    run: CxxRun, state: State, words: str, passport: CPassport, local: LocalShell
) -> None:
    trial = CgoTrial("riscv64", "node1", Basis.EMULATED, cxx=run)
    *_, told = verify_c(passport.to_toml(), passport, "", trial, TARGET, local)
    assert told.what == "C++ program" and told.state is state and words in told.reason
