"""A recipe that cannot be right is refused with file, line and key, before anything is built."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from runbook.chapters.toolchain.cross.checks import CHECKS
from runbook.chapters.toolchain.cross.recipe import fits, read_recipe
from runbook.chapters.toolchain.cross.sources import content_of, prepared
from runbook.errors import Blocked, BuildFailed, RunbookError, TargetError, UsageError
from runbook.remote.local import LocalShell
from runbook.site import ROOT
from runbook.targets import load_target

GOOD = """target = "sw64"
prefix = "cross"
work = "work"

[[source]]
name = "binutils"
from = "dir:binutils"

[[source]]
name = "linux"
from = "dir:linux"

[[source]]
name = "gcc"
from = "archive:gcc.tar.xz#sha256=%s"
patches = ["one.patch", "two.patch"]

[[source]]
name = "glibc"
from = "dir:glibc"

[[flags]]
stage = "gcc"
configure = ["--with-arch=core3"]
""" % ("0" * 64)
STAGE = """
[[stage]]
name = "glibc"
source = "glibc"
check = "C library"
needs = ["kernel-headers"]
make = ["all {sysrot}"]
"""


def test_a_vendors_sources_make_the_five_stages_of_gnu_for_the_targets_own_triplet(tmp_path: Path) -> None:
    (tmp_path / "stages.toml").write_text(GOOD)
    recipe = read_recipe(tmp_path / "stages.toml", tuple(CHECKS))
    assert str(recipe) == "sw_64-sunway-linux-gnu in 5 stages: binutils, kernel-headers, gcc-1, glibc, gcc"
    assert recipe.stages[4].configure[-1] == "--with-arch=core3" != recipe.stages[2].configure[-1]
    assert recipe.prefix == tmp_path / "cross" and recipe.sources[2].patches[1] == tmp_path / "two.patch"


def test_the_example_beside_the_sites_can_be_read_and_waits_for_its_sources() -> None:
    recipe = read_recipe(ROOT / "sites" / "c-toolchains" / "example.toml", tuple(CHECKS))
    assert recipe.triplet == "sw_64-sunway-linux-gnu" and len(recipe.stages) == 5
    with pytest.raises(Blocked, match="binutils-2.40.tar.xz"):
        content_of(recipe.sources[0])


@pytest.mark.parametrize(("was", "now", "words"), [
    ('work = "work"', 'work = "work"\ntriplet = "sw64-linux-gnu"',
     "stages.toml:4: triplet: sw64-linux-gnu is none of sw64's"),
    ('work = "work"', 'work = "cross/work"', "stages.toml:3: work: lies in `prefix`"),
    ('work = "work"\n', "", "the key `work` is missing"),
    ('target = "sw64"', 'target = "sw_64"', "did you mean `sw64`"),
    ("dir:linux", "git:linux", "stages.toml:11: source[2].from: expected `dir:PATH`"),
    ('name = "linux"', 'name = "kernel"', "stage kernel-headers: unknown source"),
    ('name = "linux"', 'name = "glibc"', "glibc is there twice"),
    ('stage = "gcc"', 'stage = "gcc-2"', "flags[1].stage: unknown stage; did you mean `gcc"),
    ("patches = ", "patch = ", "did you mean `patches`"),
    ("[[flags]]", STAGE + "[[flags]]", "stage glibc needs kernel-headers, which no stage before it makes"),
    ("[[flags]]", STAGE + "[[flags]]", "unknown word {sysrot}; did you mean `sysroot`"),
    ("[[flags]]", STAGE.replace("C library", "C lib") + "[[flags]]", "unknown check; did you mean `C library`"),
    ("[[source]]", "[[source]", "Expected"),
])
def test_a_recipe_that_cannot_be_right_is_named_with_line_and_key(
    was: str, now: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "stages.toml").write_text(GOOD.replace(was, now, 1))
    with pytest.raises(UsageError) as refused:
        read_recipe(tmp_path / "stages.toml", tuple(CHECKS))
    assert words in str(refused.value)


def test_a_target_without_its_kernels_name_is_no_target_to_build_a_toolchain_for() -> None:
    target = load_target("sw64")
    lacking = dataclasses.replace(target, names=dataclasses.replace(target.names, kernel=""))
    with pytest.raises(TargetError, match=r"sw64.toml: names.kernel is empty"):
        fits(lacking)


def source_of(folder: Path, more: str = "", origin: str = "dir:p"):
    (folder / "stages.toml").write_text(f"""target = "riscv64"
prefix = "cross"
work = "work"
[[source]]
name = "p"
from = "{origin}"
{more}
[[stage]]
name = "p"
source = "p"
check = "compiles"
make = ["all"]
""")
    return read_recipe(folder / "stages.toml", tuple(CHECKS)).sources[0]


def patch(name: str, was: str, now: str) -> str:
    return f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-{was}\n+{now}\n"


def test_patches_are_applied_in_their_order_and_one_that_does_not_fit_is_named(
    tmp_path: Path, local: LocalShell
) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a").write_text("one\n")
    (tmp_path / "1.patch").write_text(patch("a", "one", "two"))
    (tmp_path / "2.patch").write_text(patch("a", "two", "three"))
    source = source_of(tmp_path, 'patches = ["1.patch", "2.patch"]')
    root = prepared(source, content_of(source), tmp_path / "src", local)
    assert (root / "a").read_text() == "three\n" and (tmp_path / "p" / "a").read_text() == "one\n"
    assert prepared(source, content_of(source), tmp_path / "src", local) == root
    wrong = source_of(tmp_path, 'patches = ["2.patch", "1.patch"]')
    assert content_of(wrong).key != content_of(source).key
    with pytest.raises(BuildFailed, match="p: 2.patch does not apply"):
        prepared(wrong, content_of(wrong), tmp_path / "src", local)


@pytest.mark.parametrize(("origin", "more", "words"), [
    ("dir:nowhere", "", "nowhere: no such folder"),
    ("archive:stages.toml#sha256=" + "0" * 64, "", "its SHA-256 is .*, not 0000"),
    ("archive:nothing.tar#sha256=" + "0" * 64, "", "nothing.tar: No such file"),
    ("dir:p", 'patches = ["gone.patch"]', "gone.patch: No such file"),
])
def test_sources_that_are_not_there_or_not_what_they_should_be_are_blocked(
    origin: str, more: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "p").mkdir()
    with pytest.raises(RunbookError, match=words) as refused:
        content_of(source_of(tmp_path, more, origin))
    assert isinstance(refused.value, Blocked)
