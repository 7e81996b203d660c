"""What the toolchain builds is run on the testbed's hosts, and a host that cannot run it is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.toolchain.compiler import NoCompiler
from runbook.chapters.toolchain.observe import find_go
from runbook.chapters.toolchain.passport import Passport, passport
from runbook.chapters.toolchain.programs import Programs, build_all, recipes
from runbook.chapters.toolchain.trial import Trial, greet, try_out
from runbook.chapters.toolchain.verify import RUNS, verify_programs
from runbook.journal import Journal
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.site import Site, load_site
from runbook.targets import load_target
from runbook.testbed.bed import Bed
from runbook.verdict import Basis, State

TARGET = load_target("riscv64")
PACKAGE = "crypto/sha256"  # one of the chapter's own, so that it is compiled once for both


@pytest.fixture
def fleet(bed: Bed, journal: Journal) -> Iterator[Fleet]:
    with Fleet.open(load_site(str(bed.site_file)), recorder=journal) as opened:
        yield opened


@pytest.fixture
def seen(site: Site, local: LocalShell) -> Passport:
    return passport(find_go(site, local), TARGET, NoCompiler(TARGET.name, "not asked for", "nothing to do"), local)


@pytest.fixture
def programs(seen: Passport, local: LocalShell) -> Programs:
    return build_all(recipes(seen, TARGET, (PACKAGE,)), local)


def states(programs: Programs, trial: Trial, seen: Passport) -> dict[str, State]:
    return {verdict.what: verdict.state for verdict in verify_programs(programs, trial, seen, TARGET)}


def test_hello_and_a_packages_tests_run_on_the_hosts(fleet: Fleet, programs: Programs, seen: Passport) -> None:
    trial = try_out(programs, fleet, lambda _: Basis.EMULATED)
    assert {one.said for one in trial.greetings} == {f"linux/riscv64 go{seen.go.version}"}
    assert [one.host for one in trial.greetings] == list(fleet.names)
    (run,) = trial.tests
    assert run.ok and run.passed > 5 and not run.failed, str(run)
    assert set(states(programs, trial, seen).values()) == {State.PASS}


def test_a_crashing_test_program_fails_and_hello_still_counts(
    fleet: Fleet, programs: Programs, seen: Passport, tmp_path: Path
) -> None:
    crashing = tmp_path / "crashes.test"
    crashing.write_text("#!/bin/sh\necho 'panic: no such instruction'\nkill -ILL $$\n")
    trial = try_out(replace(programs, tests=(replace(programs.tests[0], path=crashing),)), fleet.only(fleet.names[0]),
                    lambda _: Basis.EMULATED)
    told = {one.what: one for one in verify_programs(programs, trial, seen, TARGET)}
    assert told[RUNS].state is State.PASS
    assert told[f"tests of {PACKAGE}"].state is State.FAIL and "SIGILL" in told[f"tests of {PACKAGE}"].reason


def test_where_hello_does_not_run_no_test_is_tried(local: LocalShell, programs: Programs, seen: Passport,
                                                   tmp_path: Path) -> None:
    foreign = tmp_path / "hello"
    foreign.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xff\x7f" + bytes(44))  # a machine nobody has
    greeting = greet(replace(programs.hello, path=foreign), local, Basis.NATIVE)
    assert not greeting.said and greeting.why
    told = states(programs, Trial((greeting,)), seen)
    assert told[RUNS] is State.FAIL and told[f"tests of {PACKAGE}"] is State.SKIPPED


def test_in_check_mode_nothing_is_run_and_that_is_said(programs: Programs, seen: Passport) -> None:
    assert states(programs, Trial(why="check mode"), seen)[RUNS] is State.SKIPPED
