"""All five stages from Debian's sources, and what the toolchain makes, run on a testbed's host. Needs an hour or more.

`RUNBOOK_FIVE_STAGES` names a folder with some 8 GB free; what an earlier attempt built there is gone on with.
"""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from runbook.chapters.toolchain.compiler import Compiler
from runbook.chapters.toolchain.cross.build import build_stages
from runbook.chapters.toolchain.cross.cgo import try_cgo
from runbook.chapters.toolchain.cross.checks import CHECKS, PROGRAM, PROGRAM_CXX, SAYS
from runbook.chapters.toolchain.cross.cxx import beside
from runbook.chapters.toolchain.cross.passport import accepted, of_stages
from runbook.chapters.toolchain.cross.recipe import read_recipe
from runbook.chapters.toolchain.cross.stages import decide_stages, look
from runbook.chapters.toolchain.cross.sysroot import take
from runbook.chapters.toolchain.observe import find_go
from runbook.chapters.visit import Around, visit
from runbook.journal import Journal
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.remote.shell import Shell
from runbook.site import Site, load_site
from runbook.targets import load_target
from runbook.testbed.bed import Bed
from runbook.verdict import Basis
from tests.chapters.toolchain.cross import debian

FOLDER = os.environ.get("RUNBOOK_FIVE_STAGES", "")
TARGET = load_target("riscv64")
LIBRARIES = ("libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6", Path(TARGET.elf.interpreters[0]).name)


def libraries(compiler: Compiler, shell: Shell) -> Around:
    """The toolchain's own shared libraries, for a host that has none of the kind."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", dereference=True) as made:
        for name in LIBRARIES:
            found = shell.run(command(compiler.program, f"-print-file-name={name}")).text.strip()
            made.add(Path(found).resolve(strict=True), f"tree/lib/{name}", filter=executable)
    return Around(whole.getvalue(), "tree", "LD_LIBRARY_PATH", "tree/lib")


def executable(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mode = 0o755  # the loader is called as a program, and Debian's cross packages have it as a library
    return member


def built(program: Path, source: Path, made: Path, shell: Shell, *flags: str) -> Path:
    shell.run(command(str(program), *flags, "-o", str(made), str(source)))
    return made


@pytest.mark.long
@pytest.mark.timeout(12 * 3600)
@pytest.mark.skipif(not FOLDER, reason="RUNBOOK_FIVE_STAGES names no folder to build a whole toolchain in")
def test_the_whole_toolchain_is_accepted_by_its_passport_and_its_programs_run_on_a_host(
    bed: Bed, site: Site, local: LocalShell, journal: Journal, tmp_path: Path
) -> None:
    recipe = read_recipe(debian.write_recipe(Path(FOLDER)), tuple(CHECKS))
    build_stages(decide_stages(look(recipe, local)), local)
    plan = decide_stages(look(recipe, local))
    assert [one.state for one in plan.doings] == ["done"] * 5, "a second time there is nothing to do"
    seen = of_stages(plan, TARGET, local)
    print("", *(f"{one['name']}: {one['seconds']:.0f} s, attempt {one['attempts']}: {one['check']}"
                for one in seen.stages), sep="\n")
    assert seen.complete and all(one["state"] == "pass" for one in seen.stages)
    compiler = accepted(seen.to_toml(), TARGET, local)
    own = libraries(compiler, local)
    start = f"./lib/{LIBRARIES[-1]}"
    with Fleet.open(load_site(str(bed.site_file)), recorder=journal) as fleet:
        host = fleet[fleet.names[0]]
        for program, text, suffix in ((Path(compiler.program), PROGRAM, "c"), (beside(compiler), PROGRAM_CXX, "cc")):
            source = tmp_path / f"says.{suffix}"
            source.write_text(text)
            static = built(program, source, tmp_path / f"static-{suffix}", local, "-static")
            dynamic = built(program, source, tmp_path / f"dynamic-{suffix}", local)
            assert visit(host, static, limit=60).output.strip() == SAYS
            came = visit(host, dynamic, limit=60, by=start, around=own)
            assert came.output.strip() == SAYS, came.complaint
        trial = try_cgo(find_go(site, local), compiler, take(host, TARGET, tmp_path / "sysroot"), TARGET, local, host,
                        Basis.EMULATED)
    assert not any(one.why for one in trial.runs) and trial.cxx is not None and trial.cxx.said == SAYS, trial
    assert all(one.said.startswith("cgo linux/riscv64 glibc ") for one in trial.runs)
