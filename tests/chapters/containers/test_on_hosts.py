"""On real hosts: the service is placed, runs, is what was built, and is taken back without a trace."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.containers.decide import service_on_host
from runbook.chapters.containers.observe import deployed
from runbook.chapters.containers.running import running
from runbook.chapters.containers.verify import asked_from_here, service_runs
from runbook.chapters.containers.wanted import Deployment
from runbook.chapters.hosts.observe import HOST_QUESTIONS, START_QUESTIONS, clock_offsets
from runbook.chapters.hosts.verify import ready_for_work
from runbook.entries import entries
from runbook.errors import Blocked
from runbook.journal import Journal
from runbook.perform import perform
from runbook.plan import Plan
from runbook.remote.command import Script
from runbook.remote.fleet import Fleet
from runbook.site import Site
from runbook.targets import load_target, of_machine
from runbook.undo import undo
from runbook.verdict import Basis, State

RUN = f"chapter-test-{os.getpid()}"  # the bed is shared, by other sessions too
TRACES = Script(
    "for place in /opt/runbook-chapter-test /etc/passwd /etc/group /var/lib/runbook/$1; do\n"
    "  find \"$place\" -printf '%p %s %m %u\\n' 2>/dev/null; done | sort\n"
    "find /etc/systemd/system -name 'runbook-chapter-test*'\n"
    "systemctl list-units --all --plain --no-legend 'runbook-chapter-test*'; :",
    (RUN,),
    sudo=True,
)


def plans(fleet: Fleet, wanted: Deployment) -> dict[str, Plan]:
    return {one.host: service_on_host(one, wanted) for one in fleet.ask(deployed(wanted))}


def put(fleet: Fleet, wanted: Deployment, journal: Journal, check: bool = False) -> dict[str, str]:
    made = plans(fleet, wanted)
    done = fleet.each(lambda shell: perform(made[shell.name], shell, journal, run=RUN, check=check))
    return {one.host: one.state for one in done.values()}


def traces(fleet: Fleet) -> dict[str, str]:
    """What a deployment could leave behind, by host."""
    seen = fleet.run(TRACES.command())
    return {result.host: result.text for result in seen.values()}


def take_back(fleet: Fleet, journal: Journal, tmp_path: Path) -> None:
    outcomes = undo(entries(tmp_path / "run" / "journal.jsonl"), fleet, journal, chapter=None)
    assert all(one.ok for one in outcomes), [str(one) for one in outcomes]


def test_a_service_is_deployed_proved_and_taken_back_without_a_trace(
    fleet: Fleet, bed_site: Site, wanted: Deployment, journal: Journal, tmp_path: Path
) -> None:
    target = load_target(bed_site.target)
    before = traces(fleet)
    assert set(put(fleet, wanted, journal, check=True).values()) == {"pending"}
    assert traces(fleet) == before, "check mode changed something"
    assert set(put(fleet, wanted, journal).values()) == {"applied"}
    verdicts = service_runs(fleet, wanted, target, bed_site)
    assert all(verdict.state is State.PASS for verdict in verdicts), str(verdicts)
    assert len(verdicts) == 4 * len(fleet)
    (active, *_) = verdicts
    assert active.figures["memory"].value > 1 << 20 and 0 < active.figures["start"].value < 30
    native = fleet.ask(*START_QUESTIONS).of(START_QUESTIONS[1])[fleet.names[0]].machine in target.names.uname
    assert active.figures["memory"].basis is (Basis.NATIVE if native else Basis.EMULATED)
    assert not any(plans(fleet, wanted).values()), "a second run would change something"
    take_back(fleet, journal, tmp_path)
    assert traces(fleet) == before


def test_a_native_service_is_hashed_as_its_executable_and_answers_over_the_network_too(
    fleet: Fleet, bed_site: Site, native: Deployment, journal: Journal, tmp_path: Path
) -> None:
    one = fleet.only(fleet.names[1])
    own = of_machine(os.uname().machine)
    assert own is not None
    put(one, native, journal)
    try:
        (answers,) = one.ask(running(native))
        now = answers[running(native)]
        assert now.basis(native.path) is Basis.NATIVE and now.executable == native.path
        verdicts = service_runs(one, native, own, bed_site)
        assert verdicts.ok, str(verdicts)
        silent = replace(now, client="", healthy=False, ping={})
        asked = asked_from_here(silent, bed_site.host(one.names[0]), native.port)
        assert asked.healthy and asked.ping["goarch"] == own.goarch
    finally:
        take_back(one, journal, tmp_path)


def test_a_port_of_another_service_blocks_before_anything_is_changed(
    fleet: Fleet, bed_site: Site, wanted: Deployment, journal: Journal, tmp_path: Path
) -> None:
    one = fleet.only(fleet.names[0])
    before = traces(one)
    put(one, wanted, journal)
    try:
        assert service_runs(one, wanted, load_target(bed_site.target), bed_site).ok
        with pytest.raises(Blocked, match=rf"port {wanted.port} is taken by \S+ \(process \d+, user \d+\)"):
            plans(one, replace(wanted, service="chapter-test-other"))
    finally:
        take_back(one, journal, tmp_path)
    assert traces(one) == before


def test_a_service_that_crashes_at_once_fails_with_its_own_words(
    fleet: Fleet, bed_site: Site, wanted: Deployment, journal: Journal, tmp_path: Path
) -> None:
    program = tmp_path / "crashes"
    program.write_text("#!/bin/sh\necho 'no database, I give up' >&2\nexit 3\n")
    crashing = replace(wanted, source=program, sha256=hashlib.sha256(program.read_bytes()).hexdigest())
    one = fleet.only(fleet.names[-1])
    put(one, crashing, journal)
    try:
        verdicts = service_runs(one, crashing, load_target(bed_site.target), bed_site)
        active = next(verdict for verdict in verdicts if verdict.what == "unit active")
        assert active.state is State.FAIL and "no database, I give up" in active.reason
        assert all(verdict.state is State.FAIL for verdict in verdicts)
    finally:
        take_back(one, journal, tmp_path)


def test_every_host_answers_every_question_and_can_be_worked_on(fleet: Fleet, bed_site: Site) -> None:
    told = fleet.ask(*HOST_QUESTIONS)
    assert told.ok, [str(fact) for host in told for fact in host.facts.values() if not fact]
    verdicts = ready_for_work(
        fleet.ask(*START_QUESTIONS), clock_offsets(tuple(fleet)), load_target(bed_site.target)
    )
    assert all(verdict.ok for verdict in verdicts), str(verdicts)
    clocks = [verdict.figures["offset"].value for verdict in verdicts if verdict.what == "clock"]
    assert len(clocks) == len(fleet) and all(abs(offset) < 0.5 for offset in clocks)
