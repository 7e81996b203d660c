"""The real projects, from the sources that Debian packages: what is refused, and what is built. Needs minutes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from runbook.chapters.toolchain.cross.build import build_stages, log_of
from runbook.chapters.toolchain.cross.checks import CHECKS
from runbook.chapters.toolchain.cross.recipe import Recipe, read_recipe
from runbook.chapters.toolchain.cross.sources import content_of, prepared
from runbook.chapters.toolchain.cross.stages import decide_stages, look, read_record
from runbook.remote.local import LocalShell
from runbook.targets import load_target
from tests.chapters.toolchain.cross import debian, tiny

pytestmark = pytest.mark.long
OF_THE_ARTICLE = "sw64-linux-gnu"
CONFIGURED = {"binutils": ["--target"], "gcc": ["--target"], "glibc": ["--build=x86_64-linux-gnu", "--host"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    missing = debian.ARCHIVES.keys() - debian.archives().keys()
    if missing:
        pytest.skip(f"no sources of {', '.join(sorted(missing))}: `make test-long` installs them")
    return tmp_path


def recipe_in(folder: Path) -> Recipe:
    return read_recipe(debian.write_recipe(folder), tuple(CHECKS))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("project", CONFIGURED)
def test_unpatched_configure_refuses_the_articles_triplet_and_the_usual_one(
    project: str, folder: Path, local: LocalShell
) -> None:
    recipe = recipe_in(folder)
    source = next(one for one in recipe.sources if one.name == project)
    root = prepared(source, content_of(source), folder / "source", local)
    for triplet in (OF_THE_ARTICLE, load_target("sw64").names.triplets[0]):
        build = folder / f"{project}-{triplet}"
        build.mkdir()
        *before, option = CONFIGURED[project]
        said = subprocess.run([root / "configure", *before, f"{option}={triplet}", "--prefix=/nowhere"], cwd=build,
                              capture_output=True, text=True)
        assert said.returncode != 0
        words = said.stdout + said.stderr
        assert re.search(rf"Invalid configuration [`']{triplet}': machine .* not recognized", words), words


@pytest.mark.timeout(900)
def test_glibcs_configure_stops_without_the_kernels_headers(folder: Path, local: LocalShell) -> None:
    """The article's order has no such stage: binutils, gcc, glibc, gcc."""
    tiny.needs_the_cross_compiler()
    source = next(one for one in recipe_in(folder).sources if one.name == "glibc")
    root = prepared(source, content_of(source), folder / "source", local)
    (folder / "build").mkdir()
    (folder / "empty").mkdir()
    said = subprocess.run(
        [root / "configure", "--build=x86_64-linux-gnu", f"--host={tiny.TRIPLET}", "--prefix=/usr",
         f"--with-headers={folder / 'empty'}", f"CC={tiny.TRIPLET}-gcc", f"CXX={tiny.TRIPLET}-g++"],
        cwd=folder / "build", capture_output=True, text=True)
    assert said.returncode != 0
    assert re.search(r"installed Linux kernel header files\.\.\. missing or too old", said.stdout), said.stdout


@pytest.mark.timeout(4 * 3600)
def test_binutils_the_kernels_headers_and_the_first_compiler_are_built_for_riscv64(
    folder: Path, local: LocalShell
) -> None:
    recipe = recipe_in(folder)
    build_stages(decide_stages(look(recipe, local), "gcc-1"), local)
    records = [read_record(recipe, name) for name in ("binutils", "kernel-headers", "gcc-1")]
    assert all(record is not None and record.state == "pass" for record in records)
    print(*(f"{one.checked}, {one.seconds:.0f} s" for one in records if one is not None), sep="\n")
    assert "make -j2" in log_of(recipe, recipe.stages[0]).read_text()
    again = decide_stages(look(recipe, local), "gcc-1")
    assert [one.state for one in again.doings] == ["done"] * 3 + ["left out"] * 2
