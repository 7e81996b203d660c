"""A C compiler is believed by what it makes, not by how it is called."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook import targets
from runbook.chapters.toolchain import compiler as compilers
from runbook.chapters.toolchain.compiler import Compiler, NoCompiler, find_compiler
from runbook.journal import Journal
from runbook.remote.local import LocalShell
from runbook.targets import Target, load_target

SW64 = load_target("sw64")
NAME = "sw_64-sunway-linux-gnu-gcc"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


@pytest.fixture
def shell(journal: Journal, folder: Path) -> Iterator[LocalShell]:
    """This machine, with a folder of made-up compilers first on the PATH."""
    opened = LocalShell(journal, env={"PATH": f"{folder}:{os.environ['PATH']}"})
    yield opened
    opened.close()


@pytest.fixture
def called(folder: Path) -> Callable[[str], None]:
    def put(text: str) -> None:
        (folder / NAME).write_text("#!/bin/sh\n" + text)
        (folder / NAME).chmod(0o755)
    return put


def refused(target: Target, shell: LocalShell) -> NoCompiler:
    found = find_compiler(target, shell)
    assert isinstance(found, NoCompiler)
    return found


def test_this_machines_own_compiler_is_found_and_tried(shell: LocalShell) -> None:
    own = targets.of_machine(os.uname().machine)
    assert own is not None
    found = find_compiler(own, shell)
    if not found and "PATH" in found.why:
        pytest.skip(str(found))
    assert isinstance(found, Compiler) and found.machine.endswith("linux-gnu") and found.version


def test_without_one_the_names_that_were_looked_for_are_told(shell: LocalShell) -> None:
    why = refused(SW64, shell)
    assert NAME in why.why and "install sw_64-sunway-linux-gnu-gcc" in why.next and not why


def test_a_program_that_is_no_compiler_is_passed_over(shell: LocalShell, called: Callable[[str], None]) -> None:
    called("echo 'hello, world'\n")
    assert "is no C compiler: asked for its machine, it says 'hello, world'" in refused(SW64, shell).why


def test_a_compiler_that_crashes_is_passed_over_with_its_signal(
    shell: LocalShell, called: Callable[[str], None]
) -> None:
    called('[ "$1" != -c ] || kill -SEGV $$\necho sw_64-sunway-linux-gnu\n')
    assert "SIGSEGV" in refused(SW64, shell).why


def test_a_compiler_that_hangs_is_stopped(
    shell: LocalShell, called: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compilers, "LIMIT", 0.3)
    called("sleep 60\n")
    assert "no end within 0.3 s" in refused(SW64, shell).why


def test_a_compiler_that_makes_nothing_is_passed_over(shell: LocalShell, called: Callable[[str], None]) -> None:
    called("echo sw_64-sunway-linux-gnu\n")
    assert "does not compile" in refused(SW64, shell).why


def test_a_compiler_for_another_machine_is_refused_by_what_it_makes(
    shell: LocalShell, called: Callable[[str], None]
) -> None:
    own = targets.of_machine(os.uname().machine)
    assert own is not None
    found = find_compiler(own, shell)
    if not isinstance(found, Compiler):
        pytest.skip(str(found))
    called(f'exec {found.program} "$@"\n')
    assert f"compiles for another machine: {own.name}" in refused(SW64, shell).why
