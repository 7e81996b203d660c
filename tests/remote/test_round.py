"""What a failure on one host means for the others: nothing, no more beginnings, or the end of what runs."""

from __future__ import annotations

import threading
import time

import pytest

from runbook.errors import CommandFailed, LeftOut
from runbook.remote.command import Command, command
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.remote.outcomes import Outcomes
from runbook.remote.round import FirstFailure
from runbook.remote.strict import StrictShell
from runbook.site_tables import Host
from tests.remote.conftest import Notes, gone, running

HOSTS = ("n1", "n2", "n3", "n4")
FAILS = command("sh", "-c", "exit 7")


def fleet(at_once: int) -> tuple[Fleet, Notes]:
    notes = Notes()
    return Fleet([(Host(name, "local", ()), LocalShell(notes, name=name)) for name in HOSTS], at_once=at_once), notes


def held(policy: FirstFailure, at_once: int, words: dict[str, Command]) -> tuple[Outcomes, Notes]:
    hosts, notes = fleet(at_once)
    return hosts.each(lambda shell: shell.run(words.get(shell.name, command("true"))), first_failure=policy), notes


def test_by_itself_a_failure_is_no_others() -> None:
    outcomes, _ = held(FirstFailure.GO_ON, 1, {"n2": FAILS})
    assert list(outcomes.good) == ["n1", "n3", "n4"] and list(outcomes) == list(HOSTS)


def test_nothing_more_is_begun_after_the_first_failure() -> None:
    outcomes, notes = held(FirstFailure.STOP_STARTING, 1, {"n2": FAILS})
    assert list(outcomes.good) == ["n1"] and isinstance(outcomes.errors["n2"], CommandFailed)
    assert [host for _, host, _ in notes.begun] == ["n1", "n2"], "the others felt nothing"
    for host in ("n3", "n4"):
        assert isinstance(outcomes.errors[host], LeftOut)
        assert outcomes.errors[host].what == f"{host}: not begun, since n2 failed"
        assert outcomes.errors[host].next.startswith("mend n2, then run it again")
    with pytest.raises(CommandFailed, match="n2: .*exit 7"):
        outcomes.values()


def test_what_runs_is_let_to_its_end_where_only_the_starting_stops(mark: str) -> None:
    outcomes, _ = held(FirstFailure.STOP_STARTING, 3, {"n1": command("sleep", "0.7"), "n2": FAILS,
                                                       "n3": command("sleep", "0.7")})
    assert list(outcomes.good) == ["n1", "n3"] and isinstance(outcomes.errors["n4"], LeftOut)


def test_what_runs_is_stopped_too_where_that_is_wanted(mark: str) -> None:
    both_run = threading.Event()

    def work(shell: StrictShell) -> object:
        if shell.name == "n2":
            assert both_run.wait(20)
            return shell.run(FAILS)
        return shell.run(command("sh", "-c", 'sleep "$1" & wait', "sh", mark))

    def look() -> None:
        until = time.monotonic() + 20
        while len([line for line in running(mark) if line.startswith("sleep")]) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        both_run.set()

    hosts, _ = fleet(3)
    looking = threading.Thread(target=look)
    looking.start()
    start = time.monotonic()
    outcomes = hosts.each(work, first_failure=FirstFailure.STOP)
    looking.join()
    assert time.monotonic() - start < 20 and gone(mark), "as whole process groups"
    assert {host: type(error) for host, error in outcomes.errors.items()} == {
        "n1": LeftOut, "n2": CommandFailed, "n3": LeftOut, "n4": LeftOut}
    stopped = outcomes.errors["n1"].what
    assert stopped.startswith("n1: stopped, since n2 failed: ") and mark in stopped
    assert [row.hosts for row in outcomes.rows()][0] == ("n2",), "who failed is shown first"
    assert hosts.run(command("true")).ok, "and the fleet goes on"


def test_a_host_between_two_commands_begins_no_more(mark: str) -> None:
    between, failed = threading.Event(), threading.Event()

    def work(shell: StrictShell) -> object:
        if shell.name == "n1":
            shell.run(command("true"))
            between.set()
            assert failed.wait(20)
            time.sleep(0.2)
        elif shell.name == "n2":
            assert between.wait(20)
            failed.set()
            return shell.run(FAILS)
        return shell.run(command("echo", shell.name, mark))

    hosts, notes = fleet(2)
    outcomes = hosts.each(work, first_failure=FirstFailure.STOP)
    assert isinstance(outcomes.errors["n1"], LeftOut) and "nothing more is begun" in outcomes.errors["n1"].what
    ran = [fields["words"] for _, _, fields in notes.begun if fields["words"][0] == "echo"]
    ends = [notes.ended[number] for number, (_, _, fields) in enumerate(notes.begun) if fields["words"][0] == "echo"]
    assert ran in ([], [["echo", "n1", mark]]) and all("error" in end for end in ends)


def test_a_defect_stops_the_others_as_an_error_does() -> None:
    begun = []

    def broken(shell: StrictShell) -> int:
        begun.append(shell.name)
        return 1 // (shell.name != "n2")

    hosts, _ = fleet(1)
    with pytest.raises(ZeroDivisionError):
        hosts.each(broken, first_failure=FirstFailure.STOP_STARTING)
    assert begun == ["n1", "n2"]


def test_the_words_are_those_of_a_site_file() -> None:
    from runbook.site_tables import SshSettings

    assert FirstFailure(SshSettings().first_failure) is FirstFailure.GO_ON
    assert {str(one) for one in FirstFailure} == {"go-on", "stop-starting", "stop"}
