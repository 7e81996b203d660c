"""Real load on the real service: on this machine, and what is said where a target is down."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from runbook.chapter import Chapter
from runbook.chapters.load import door
from runbook.chapters.load.closed_loop import ask, parse_asked
from runbook.chapters.load.effort import look, parse_effort
from runbook.chapters.load.measured import Closed, Meanwhile, Opened
from runbook.chapters.load.observe import Ground
from runbook.chapters.load.open_loop import parse_sent, send
from runbook.chapters.load.programs import build_driver
from runbook.chapters.load.schedule import Schedule
from runbook.chapters.load.verify import asked_verdict, sent_verdict, served_verdict
from runbook.chapters.request import request_from_here
from runbook.contents import title_of
from runbook.errors import Blocked
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.run import Run
from runbook.site import ROOT, load_site
from runbook.targets import of_machine
from runbook.testbed.bed import Bed
from runbook.verdict import Basis, State
from tests.chapters.containers.conftest import built_for

pytestmark = pytest.mark.timeout(300)  # the driver and the service may have to be compiled first


@dataclass(frozen=True)
class Standing:
    """The service on a port of loopback, without a store, and a schedule that asks it."""

    process: subprocess.Popen[bytes]
    wanted: Schedule
    driver: Path


@pytest.fixture
def standing(wanted: Schedule, local: LocalShell) -> Iterator[Standing]:
    own = of_machine(os.uname().machine)
    if own is None:
        pytest.skip(f"no target describes this machine, {os.uname().machine}")
    site = load_site(ROOT / "sites" / "testbed.toml")
    service, driver = built_for(site, own), build_driver(site, os.uname().machine, local)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    here = replace(wanted.targets[0], address="127.0.0.1")
    schedule = replace(wanted, targets=(here,), port=port, depth=replace(wanted.depth, repeats=2, rate=50))
    process = subprocess.Popen([str(service.source), "-listen", f"127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if request_from_here(here, port, "GET", "/ping").status == 200:
                break
            threading.Event().wait(0.05)
        yield Standing(process, schedule, driver.path)
    finally:
        process.kill()
        process.wait()


def test_the_open_loop_keeps_its_times_and_tells_what_was_refused(standing: Standing, local: LocalShell) -> None:
    ping, user = parse_sent(local.run(send(standing.wanted, standing.driver)).text, standing.wanted)
    good, bad = (sent_verdict(one, standing.wanted, Basis.NATIVE) for one in (ping, user))
    assert good.state is State.PASS, str(good)
    assert good.figures["errors"].value == 0 and 0 < good.figures["p50"].value <= good.figures["p99"].value
    assert ping.whole.requests == 100 and good.figures["answered"].value == pytest.approx(50, rel=0.1)
    assert "interval_95" not in good.figures, "two turns are too few for one"
    assert bad.state is State.FAIL and "100 of 100 requests" in bad.reason and "503" in bad.reason


def test_rates_are_of_the_turns_and_a_slow_target_is_not_a_slow_sender(
    recorded: Callable[[str], str], wanted: Schedule
) -> None:
    ping, _ = parse_sent(recorded("open-loop"), wanted)
    assert ping.rate.mean == pytest.approx(100, rel=0.02) and ping.whole.rate < ping.rate.mean
    slow = replace(ping, turns=tuple(replace(turn, rate=60.0) for turn in ping.turns))
    assert "node3 sent 60 of 100 requests/s: it could not keep the times" in sent_verdict(
        slow, wanted, Basis.NATIVE).reason
    standing_still = replace(slow, whole=replace(slow.whole, longest=5.5))
    reason = sent_verdict(standing_still, wanted, Basis.NATIVE).reason
    assert "answers took up to 5.50 s, and at most 500 requests" in reason and "node3" not in reason


def test_the_closed_loop_counts_what_was_refused(standing: Standing, local: LocalShell) -> None:
    ping, user = parse_asked(local.run(ask(standing.wanted)).text, standing.wanted)
    good, bad = (asked_verdict(one, Basis.NATIVE, "gin") for one in (ping, user))
    assert good.state is State.PASS and good.figures["load.gin_default"].value > 100, str(good)
    assert bad.state is State.FAIL and "load.gin_default" not in bad.figures


def test_a_target_that_dies_under_load_fails_with_the_reason(standing: Standing, local: LocalShell, journal) -> None:  # type: ignore[no-untyped-def]
    wanted, other = standing.wanted, LocalShell(journal)
    timer = threading.Timer(1.5, standing.process.send_signal, (signal.SIGKILL,))
    with ThreadPoolExecutor(2) as pool:
        looked = pool.submit(lambda: other.run(look(wanted.port, wanted.open_seconds)).text)
        timer.start()
        sent = parse_sent(local.run(send(wanted, standing.driver)).text, wanted)
        opened = Opened(sent, Meanwhile((parse_effort(looked.result(), "node1"),)))
    other.close()
    verdict = sent_verdict(sent[0], wanted, Basis.NATIVE)
    assert verdict.state is State.FAIL and "connection refused" in verdict.reason, verdict.reason
    served = served_verdict("node1", Basis.NATIVE, opened, Closed(without="no wrk"))
    assert served.state is State.FAIL and "its process was another one at the end, or none" in served.reason


def test_a_process_that_was_replaced_behind_the_last_sample_is_seen(standing: Standing, local: LocalShell) -> None:
    port = standing.wanted.port
    was, now = (parse_effort(local.run(look(port, seconds)).text, "node1") for seconds in (0.5, 0))
    assert len(now.samples) == 1 and was.until(now).stayed
    standing.process.kill()
    standing.process.wait()
    gone = parse_effort(local.run(look(port, 0)).text, "node1")
    assert not was.until(gone).stayed


def test_a_host_that_could_not_be_looked_at_is_no_pass() -> None:
    opened = Opened((), Meanwhile((), {"node1": "no connection"}))
    verdict = served_verdict("node1", Basis.NATIVE, opened, Closed())
    assert verdict.state is State.FAIL and "no connection" in verdict.reason


def test_targets_that_are_down_are_named_before_anything_is_sent(
    bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path))
    run = Run.start(load_site(bed.site_file))
    fleet = Fleet.open(run.site, recorder=run.journal)
    chapter = Chapter(title_of("08"), run, fleet, check=False, confirm="", options={})
    with pytest.raises(Blocked) as refused:
        chapter.observe(door.look)
    for host in ("node1", "node2"):
        assert f"{host}: /ping gives no answer" in refused.value.what
    assert "node3" not in refused.value.what and "Container deployment" in refused.value.next

    fleet = Fleet.open(run.site, recorder=run.journal)
    checked = Chapter(title_of("08"), run, fleet, check=True, confirm="", options={})
    ground = checked.observe(door.look)
    assert isinstance(ground, Ground) and set(ground.down) == {"node1", "node2"}
    wanted = checked.decide(door.planned, ground, run.site, run.name, checked.options)
    opened = checked.act(door.open_loop, wanted, ground)
    assert opened.pending and opened.why == "check mode: no load is sent"
    checked.record()
