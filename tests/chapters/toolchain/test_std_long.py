"""Twelve packages of the standard library, compiled for the target and run on the testbed's hosts under emulation."""

from __future__ import annotations

import pytest

from runbook.chapters.toolchain.compiler import NoCompiler
from runbook.chapters.toolchain.observe import find_go
from runbook.chapters.toolchain.passport import passport
from runbook.chapters.toolchain.programs import build_all, recipes
from runbook.chapters.toolchain.std_tests import usual_packages
from runbook.chapters.toolchain.trial import try_out
from runbook.chapters.toolchain.verify import verify_programs
from runbook.journal import Journal
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.site import Site, load_site
from runbook.targets import load_target
from runbook.testbed.bed import Bed
from runbook.verdict import Basis, State

MORE = ("sync", "os", "compress/flate", "encoding/json", "archive/zip", "image/png")
"""Of these six each reads files of Go's own tree."""
TARGET = load_target("riscv64")


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_twelve_packages_pass_but_for_what_is_known(bed: Bed, site: Site, local: LocalShell, journal: Journal) -> None:
    go = find_go(site, local)
    seen = passport(go, TARGET, NoCompiler(TARGET.name, "not asked for", "nothing to do"), local)
    programs = build_all(recipes(seen, TARGET, (*usual_packages(), *MORE)), local)
    with Fleet.open(load_site(str(bed.site_file)), recorder=journal) as fleet:
        trial = try_out(programs, fleet, lambda _: Basis.EMULATED)
    print(f"\n{trial}")
    assert len(trial.tests) == 12
    told = {one.what: one for one in verify_programs(programs, trial, seen, TARGET)}
    wrong = [f"{one.what}: {one.reason}" for one in told.values() if one.state is not State.PASS]
    assert not wrong, "\n".join(wrong)
    assert "as is known" in told["tests of os"].reason, "the emulator is /proc/self/exe"
