"""A check believes what a tool makes: one that is none, is another's, crashes or hangs is told as that."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook.chapters.toolchain import compiler as compilers
from runbook.chapters.toolchain.cross import checks
from runbook.chapters.toolchain.cross.checks import CHECKS, Tree
from runbook.remote.local import LocalShell
from runbook.targets import load_target, of_machine
from runbook.verdict import State
from tests.chapters.toolchain.cross import tiny

TARGET = load_target("riscv64")
Put = Callable[[str, str], None]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A toolchain in a folder, with a sysroot that has nothing."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "sysroot").mkdir()
    return Tree(TARGET, tiny.TRIPLET, tmp_path, tmp_path / "sysroot")


@pytest.fixture
def put(tree: Tree) -> Put:
    def put_it(tool: str, text: str) -> None:
        path = Path(tree.tool(tool))
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return put_it


@pytest.mark.parametrize(("text", "words"), [
    ("echo hello", "is no C compiler: asked for its machine, it says 'hello'"),
    ('[ "$1" != -c ] || kill -SEGV $$; echo riscv64-linux-gnu', "SIGSEGV"),
    ('case $1 in -c) exec gcc "$@";; esac; echo riscv64-linux-gnu', "compiles for another machine"),
    ("sleep 60", "no end within 0.3 s"),
    ("echo riscv64-linux-gnu", "does not compile"),
])
def test_a_compiler_that_is_none_is_told_as_what_it_is(
    text: str, words: str, tree: Tree, put: Put, local: LocalShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "60" in text:
        monkeypatch.setattr(compilers, "LIMIT", 0.3)
    put("gcc", text)
    seen = CHECKS["compiles"](tree, local)
    assert seen.state is State.FAIL and words in seen.reason


def test_an_assembler_for_this_machine_is_refused_by_what_it_makes(tree: Tree, put: Put, local: LocalShell) -> None:
    put("ld", "exec ld --version")
    put("as", 'exec as "$@"')
    assert "for another machine" in CHECKS["assembles"](tree, local).reason
    put("as", "kill -ILL $$")
    assert "SIGILL" in CHECKS["assembles"](tree, local).reason


def test_headers_and_libraries_that_are_not_there_are_named(tree: Tree, local: LocalShell) -> None:
    assert "version.h: No such file" in CHECKS["kernel headers"](tree, local).reason
    assert CHECKS["C library"](tree, local).reason == "no libc.so.6 below sysroot"
    own = Path("/usr/lib") / of_machine(os.uname().machine).names.multiarch / "libc.so.6"
    if own.exists():
        (tree.sysroot / "libc.so.6").symlink_to(own.resolve())
        assert "libc.so.6 is for another machine" in CHECKS["C library"](tree, local).reason


def test_without_an_emulator_programs_are_built_and_called_not_run(
    tree: Tree, put: Put, local: LocalShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.needs_the_cross_compiler()
    put("gcc", f'exec /usr/bin/{tiny.TRIPLET}-gcc "$@"')
    monkeypatch.setattr(checks.shutil, "which", lambda name: None)  # an emulator cannot be taken from this machine
    seen = CHECKS["builds programs"](tree, local)
    assert seen.state is State.SKIPPED and "not run: qemu-riscv64-static is not on this machine" in seen.reason


def test_programs_in_c_and_in_cxx_are_built_and_run_by_what_the_distribution_has(local: LocalShell) -> None:
    tiny.needs_the_cross_compiler()
    usual = Tree(TARGET, tiny.TRIPLET, Path("/usr"), Path("/usr") / tiny.TRIPLET)
    seen = CHECKS["builds C and C++ programs"](usual, local)
    assert seen.state is State.PASS, seen.reason
    assert str(seen) == "C and C++ programs: pass, static and dynamic, built and run, emulated"


def test_a_toolchain_without_cxx_fails_where_cxx_is_asked_for(tree: Tree, put: Put, local: LocalShell) -> None:
    tiny.needs_the_cross_compiler()
    whole = Tree(TARGET, tiny.TRIPLET, tree.prefix, Path("/usr") / tiny.TRIPLET)
    put("gcc", f'exec /usr/bin/{tiny.TRIPLET}-gcc "$@"')
    assert CHECKS["builds programs"](whole, local).state is State.PASS
    seen = CHECKS["builds C and C++ programs"](whole, local)
    assert seen.state is State.FAIL and seen.what == "C++ programs" and "-g++" in seen.reason


def test_a_cxx_compiler_whose_exceptions_are_not_caught_fails(tree: Tree, put: Put, local: LocalShell) -> None:
    """A static program without the unwinder's tables compiles, and ends in std::terminate."""
    tiny.needs_the_cross_compiler()
    whole = Tree(TARGET, tiny.TRIPLET, tree.prefix, Path("/usr") / tiny.TRIPLET)
    put("g++", f'exec /usr/bin/{tiny.TRIPLET}-g++ -fno-asynchronous-unwind-tables -Wl,--no-eh-frame-hdr "$@"')
    seen = CHECKS["builds C++ programs"](whole, local)
    assert seen.state is State.FAIL and "SIGABRT" in seen.reason, seen.reason


def test_programs_that_do_not_start_fail_the_check(tree: Tree, put: Put, local: LocalShell) -> None:
    """The sysroot has no C library, so the emulator finds no interpreter for the dynamic one."""
    tiny.needs_the_cross_compiler()
    put("gcc", f'exec /usr/bin/{tiny.TRIPLET}-gcc "$@"')
    seen = CHECKS["builds programs"](tree, local)
    assert seen.state is State.FAIL and "dynamic" in seen.reason
