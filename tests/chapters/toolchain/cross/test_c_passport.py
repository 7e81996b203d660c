"""A C compiler is taken by its passport alone, and a passport that is not true is refused with words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runbook.chapters.toolchain.compiler import Compiler, find_compiler
from runbook.chapters.toolchain.cross.build import build_stages
from runbook.chapters.toolchain.cross.checks import CHECKS
from runbook.chapters.toolchain.cross.passport import CPassport, accepted, of_distribution, of_stages
from runbook.chapters.toolchain.cross.recipe import read_recipe
from runbook.chapters.toolchain.cross.stages import decide_stages, look
from runbook.errors import Blocked
from runbook.journal import Journal
from runbook.remote.local import LocalShell
from runbook.targets import load_target
from tests.chapters.toolchain.cross import tiny

TARGET = load_target("riscv64")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> CPassport:
    """Of the machine's own; asked once, since dpkg takes a second for all the parts."""
    tiny.needs_the_cross_compiler()
    shell = LocalShell(Journal(tmp_path_factory.mktemp("run")))
    found = find_compiler(TARGET, shell)
    assert isinstance(found, Compiler)
    return of_distribution(found, shell)


def built(file: Path, local: LocalShell, stop_after: str = "") -> CPassport:
    def plan():
        return decide_stages(look(read_recipe(file, tuple(CHECKS)), local), stop_after)

    build_stages(plan(), local)
    return of_stages(plan(), TARGET, local)


def test_the_distributions_toolchain_is_recorded_with_its_parts_and_packages(
    seen: CPassport, local: LocalShell
) -> None:
    assert seen.complete and str(seen) == "a C toolchain for riscv64, as the distribution packages it"
    assert all(sha256 for _, sha256 in seen.parts.values())
    if shutil.which("dpkg-query"):
        assert seen.packages["cc1"].startswith("cpp-12-riscv64-linux-gnu ") and seen.packages["as"]
        assert seen.packages["cc1plus"].startswith("g++-12-riscv64-linux-gnu ") and seen.packages["libstdc++.a"]
    assert accepted(seen.to_toml(), TARGET, local) == seen.compiler


def test_one_built_in_stages_says_from_what_how_and_when_its_log_ended(recipe_file: Path, local: LocalShell) -> None:
    seen = built(recipe_file, local)
    assert str(seen) == "a C toolchain for riscv64, built in 5 stages"
    text = seen.to_toml()
    assert accepted(text, TARGET, local).program.endswith("cross/bin/riscv64-linux-gnu-gcc")
    assert [one["name"] for one in seen.stages] == ["binutils", "kernel-headers", "gcc-1", "glibc", "gcc"]
    assert all(one["state"] == "pass" and len(one["log_sha256"]) == 64 for one in seen.stages)
    assert "headers_install" in " ".join(seen.stages[1]["calls"]) and len(seen.sources[0]["sha256"]) == 64


def test_a_build_that_stopped_before_the_compiler_has_no_passport(recipe_file: Path, local: LocalShell) -> None:
    with pytest.raises(Blocked, match="riscv64-linux-gnu-gcc was not built") as refused:
        built(recipe_file, local, "kernel-headers")
    assert "left out gcc-1, glibc, gcc" in refused.value.next


def test_a_compiler_that_was_changed_since_is_refused(recipe_file: Path, local: LocalShell) -> None:
    seen = built(recipe_file, local)
    Path(seen.compiler.program).write_text("#!/bin/sh\nexec riscv64-linux-gnu-gcc -O0 \"$@\"\n")
    with pytest.raises(Blocked, match=r"riscv64-linux-gnu-gcc \(gcc\) was changed"):
        accepted(seen.to_toml(), TARGET, local)


@pytest.mark.parametrize(("was", "now", "words"), [
    ('target = "riscv64"', 'target = "sw64"', "it is of a toolchain for sw64, not riscv64"),
    ("schema = 1", "schema = 2", "its schema is 2"),
    ('way = "distribution"', 'way = "stages"', "its way and its stages contradict each other"),
    ('way = "distribution"', 'way = "hearsay"', "neither by the distribution nor in stages, but by hearsay"),
    ("[parts.gcc]", "[parts.cpp]", "the entry 'gcc' is missing"),
    ("[compiler]", "[nothing]", "the entry 'compiler' is missing"),
    ("machine = ", "machin = ", "the entry 'machine' is missing"),
    ('version = "', 'version = "another ', "its passport says"),
    ("schema = 1", "schema = ", "cannot be read"),
])
def test_a_passport_that_contradicts_itself_or_the_site_is_refused_with_words(
    was: str, now: str, words: str, seen: CPassport, local: LocalShell
) -> None:
    text = seen.to_toml()
    assert was in text
    with pytest.raises(Blocked, match=words):
        accepted(text.replace(was, now, 1), TARGET, local)


def test_a_part_that_is_gone_is_named(seen: CPassport, local: LocalShell) -> None:
    path = seen.parts["libc.a"][0]
    with pytest.raises(Blocked, match=r"\(libc_a\) is not there"):
        accepted(seen.to_toml().replace(path, path + ".gone"), TARGET, local)
