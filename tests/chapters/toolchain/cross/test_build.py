"""Small projects go through the five stages: in order, logged, checked, resumed, and never twice for the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runbook.chapters.toolchain.cross.build import build_stages, log_of
from runbook.chapters.toolchain.cross.checks import CHECKS
from runbook.chapters.toolchain.cross.recipe import Recipe, read_recipe
from runbook.chapters.toolchain.cross.stages import StagePlan, decide_stages, look, read_record
from runbook.errors import BuildFailed, LockHeld, ParameterError
from runbook.remote.local import LocalShell

NAMES = ["binutils", "kernel-headers", "gcc-1", "glibc", "gcc"]


def recipe_of(file: Path) -> Recipe:
    return read_recipe(file, tuple(CHECKS))


def planned(file: Path, shell: LocalShell, stop_after: str = "") -> StagePlan:
    return decide_stages(look(recipe_of(file), shell), stop_after)


def states(plan: StagePlan) -> list[str]:
    return [one.state for one in plan.doings]


def test_five_stages_are_built_in_order_and_a_second_time_there_is_nothing_to_do(
    recipe_file: Path, local: LocalShell
) -> None:
    plan = build_stages(planned(recipe_file, local), local)
    assert [one.stage.name for one in plan.doings] == NAMES and states(plan) == ["to be built"] * 5
    recipe = recipe_of(recipe_file)
    records = [read_record(recipe, name) for name in NAMES]
    assert all(record and record.state == "pass" and record.log_sha256 and record.files for record in
               records[:2] + records[3:])
    assert "of Linux 6.1.1" in records[1].checked and "for riscv64, static and shared" in records[3].checked
    assert "headers_install" in log_of(recipe, recipe.stages[1]).read_text()
    assert states(planned(recipe_file, local)) == ["done"] * 5
    assert not list((recipe.work / "build").iterdir())


def test_a_build_stops_after_the_named_stage_and_goes_on_from_there(recipe_file: Path, local: LocalShell) -> None:
    build_stages(planned(recipe_file, local, "gcc-1"), local)
    assert states(planned(recipe_file, local)) == ["done"] * 3 + ["to be built"] * 2
    with pytest.raises(ParameterError, match="did you mean `glibc`"):
        planned(recipe_file, local, "glib")


def test_what_a_stage_is_made_from_decides_whether_it_is_built_again(
    recipe_file: Path, projects: Path, local: LocalShell
) -> None:
    build_stages(planned(recipe_file, local), local)
    (projects / "glibc" / "rules.mk").write_text((projects / "glibc" / "rules.mk").read_text() + "# changed\n")
    # The first compiler was replaced by the final one, and the C library is built with the first: it is needed anew.
    plan = planned(recipe_file, local)
    assert states(plan) == ["done", "done", "to be built", "to be built", "to be built"]
    assert "made from something else" in plan.doings[3].why
    build_stages(plan, local)
    assert states(planned(recipe_file, local)) == ["done"] * 5


def test_a_file_that_was_changed_afterwards_is_seen_and_its_stage_is_built_again(
    recipe_file: Path, local: LocalShell
) -> None:
    build_stages(planned(recipe_file, local), local)
    recipe = recipe_of(recipe_file)
    (recipe.prefix / "bin" / "riscv64-linux-gnu-gcc").write_text("#!/bin/sh\n")
    plan = planned(recipe_file, local)
    assert states(plan) == ["done"] * 4 + ["to be built"]
    assert "riscv64-linux-gnu-gcc is no longer what was made" in plan.doings[4].why


def test_a_stage_that_fails_tells_its_last_words_and_those_before_it_stay_done(
    recipe_file: Path, projects: Path, local: LocalShell
) -> None:
    rules = projects / "glibc" / "rules.mk"
    whole = rules.read_text()
    rules.write_text("all:\n\techo 'sysdep.h: what is this' >&2; exit 3\n")
    with pytest.raises(BuildFailed, match="glibc: make failed") as failed:
        build_stages(planned(recipe_file, local), local)
    assert "what is this" in failed.value.tail and "goes on with stage glibc" in failed.value.next
    rules.write_text(whole)
    assert states(planned(recipe_file, local))[:3] == ["done"] * 3


def test_a_build_without_the_kernels_headers_is_refused_by_the_c_librarys_configure(
    recipe_file: Path, local: LocalShell
) -> None:
    """The order of the article: binutils, gcc, glibc, gcc."""
    recipe_file.write_text(recipe_file.read_text() + """
[[stage]]
name = "binutils"
source = "binutils"
check = "assembles"
configure = ["--prefix={prefix}"]
make = ["all", "install"]

[[stage]]
name = "gcc-1"
source = "gcc"
check = "compiles"
configure = ["--prefix={prefix}"]
make = ["all", "install"]

[[stage]]
name = "glibc"
source = "glibc"
check = "C library"
configure = ["--with-headers={sysroot}/usr/include"]
make = ["all", "install"]
""")
    with pytest.raises(BuildFailed, match="glibc: configure failed") as failed:
        build_stages(planned(recipe_file, local), local)
    assert "linux kernel headers missing" in failed.value.tail


def test_a_stage_whose_check_fails_is_not_done(recipe_file: Path, projects: Path, local: LocalShell) -> None:
    """A compiler that is this machine's own under the target's name."""
    rules = projects / "gcc" / "rules.mk"
    rules.write_text(rules.read_text().replace("/usr/bin/riscv64-linux-gnu-%s", "/usr/bin/%s"))
    with pytest.raises(BuildFailed, match="compiles for another machine"):
        build_stages(planned(recipe_file, local), local)
    assert read_record(recipe_of(recipe_file), "gcc-1") is None


KILLED = """
import sys
from pathlib import Path
from runbook.chapters.toolchain.cross.build import build_stages
from runbook.chapters.toolchain.cross.checks import CHECKS
from runbook.chapters.toolchain.cross.recipe import read_recipe
from runbook.chapters.toolchain.cross.stages import decide_stages, look
from runbook.journal import Journal
from runbook.remote.local import LocalShell
folder = Path(sys.argv[2])
folder.mkdir()
shell = LocalShell(Journal(folder))
build_stages(decide_stages(look(read_recipe(Path(sys.argv[1]), tuple(CHECKS)), shell)), shell)
"""


def test_a_killed_build_is_resumed_at_its_stage_and_what_it_had_made_there_is_not_made_again(
    recipe_file: Path, projects: Path, tmp_path: Path, local: LocalShell
) -> None:
    rules = projects / "glibc" / "rules.mk"
    rules.write_text("all: first libc.so.6\nfirst:\n\techo made >>first\n\tsleep 1.5\n" + rules.read_text())
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(recipe_file), str(tmp_path / "killed")])
    work = recipe_of(recipe_file).work / "build"
    limit = time.monotonic() + 60
    while not list(work.glob("*/first")) and time.monotonic() < limit:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    plan = planned(recipe_file, local)
    assert states(plan) == ["done"] * 3 + ["to be resumed", "to be built"]
    with pytest.raises(LockHeld, match="another build is at work"):  # its make is still there, and not disturbed
        build_stages(plan, local)
    while time.monotonic() < limit:
        try:
            build_stages(planned(recipe_file, local), local)
            break
        except LockHeld:
            time.sleep(0.2)
    record = read_record(recipe_of(recipe_file), "glibc")
    assert record is not None and record.attempts >= 2
    log = log_of(recipe_of(recipe_file), recipe_of(recipe_file).stages[3]).read_text()
    assert log.count("echo made") == 1 and log.count("configure --host=") == 1


def test_a_full_disk_in_the_third_stage_is_told_as_one_and_room_mends_it(
    recipe_file: Path, projects: Path, tmp_path: Path, local: LocalShell
) -> None:
    if os.geteuid():
        pytest.skip("only root can mount a small disk")
    rules = projects / "gcc" / "rules.mk"
    rules.write_text("all: filler\nfiller:\n\tdd if=/dev/zero of=filler bs=1M count=24\n" + rules.read_text())
    small = tmp_path / "work"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(small)], check=True)
    try:
        with pytest.raises(BuildFailed, match="gcc-1: make failed: no space is left at .*work") as failed:
            build_stages(planned(recipe_file, local), local)
        assert "No space left on device" in failed.value.tail and "make room there" in failed.value.next
        assert states(planned(recipe_file, local))[:3] == ["done", "done", "to be resumed"]
        subprocess.run(["mount", "-o", "remount,size=60m", str(small)], check=True)
        build_stages(planned(recipe_file, local), local)
        assert states(planned(recipe_file, local)) == ["done"] * 5
    finally:
        subprocess.run(["umount", str(small)], check=True)
