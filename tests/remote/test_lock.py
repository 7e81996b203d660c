"""One run at a time changes a host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from runbook.errors import LockHeld
from runbook.remote import lock
from runbook.remote.command import Script, command
from runbook.remote.fleet import Fleet
from runbook.remote.lock import LOCK, LOCK_FILE, Lock, Taken, lock_in, parse_lock
from runbook.remote.strict import StrictShell
from runbook.site import load_site
from runbook.testbed.bed import Bed
from tests.remote.conftest import Notes

FILE = "/var/lib/runbook-test/lock"
"""Not LOCK_FILE: a run may hold that one while these tests are run."""
HERE = lock_in(FILE)


def take(shell: StrictShell, run: str, owner: str, seconds: int) -> Taken:
    return lock.take(shell, run, owner, seconds, file=FILE)


@pytest.fixture
def node(bed: Bed) -> Iterator[StrictShell]:
    """A host of the testbed without a lock, before and after."""
    with Fleet.open(load_site(bed.site_file), hosts=["node2"], recorder=Notes()) as fleet:
        shell = fleet["node2"]
        assert shell.ask(HERE)[HERE] is None
        yield shell
        shell.run(command("rm", "-rf", "/var/lib/runbook-test", sudo=True))


def test_another_run_is_told_who_holds_the_host_and_how_to_break_it(node: StrictShell) -> None:
    assert take(node, "run-1", "somebody@there", 60).how == "taken"
    with pytest.raises(LockHeld) as caught:
        take(node, "run-2", "another@here", 60)
    said = str(caught.value)
    assert "node2" in said and "run-1 of somebody@there" in said and "until 20" in said
    assert f"sudo rm {FILE}" in caught.value.next
    assert caught.value.exit_code == 3


def test_the_same_run_renews_its_own(node: StrictShell) -> None:
    take(node, "run-1", "somebody", 60)
    before = node.ask(HERE)[HERE]
    assert take(node, "run-1", "somebody", 600).how == "renewed"
    after = node.ask(HERE)[HERE]
    assert (after.run, after.owner) == ("run-1", "somebody") and after.until >= before.until + 500


def test_a_lock_whose_time_has_passed_is_taken_over_with_a_note(node: StrictShell) -> None:
    take(node, "run-1", "somebody", 1)
    time.sleep(1.5)
    taken = take(node, "run-2", "another", 60)
    assert taken.how == "taken over" and taken.before.run == "run-1" and taken.before.expired
    assert "run-1 of somebody, expired" in str(taken)


def test_only_ones_own_is_let_go_and_nothing_is_left(node: StrictShell) -> None:
    take(node, "run-1", "somebody", 60)
    lock.release(node, "run-2", file=FILE)
    assert node.ask(HERE)[HERE].run == "run-1"
    lock.release(node, "run-1", file=FILE)
    lock.release(node, "run-1", file=FILE)
    assert node.run(command("ls", "/var/lib/runbook-test", sudo=True, also={2: "it is gone"})).exit_code == 2


def test_of_many_at_once_one_gets_it(node: StrictShell) -> None:
    def attempt(number: int) -> str:
        try:
            take(node, f"run-{number}", "somebody", 60)
        except LockHeld:
            return "held"
        return f"run-{number}"

    with ThreadPoolExecutor(8) as pool:
        got = sorted(pool.map(attempt, range(8)))
    assert got[:7] == ["held"] * 7
    assert node.ask(HERE)[HERE].run == got[7]


LEAVE = Script('mkdir -p -- "${1%/*}" && echo "$(($(date +%s) - $2))" "$3" >"$1.changing"', sudo=True)
NO_PROCESS = 2 ** 22 + 1
"""Above the highest id that a kernel gives (PID_MAX_LIMIT of include/linux/threads.h)."""


@pytest.mark.parametrize(("age", "process"), [(0, NO_PROCESS), (61, 1)], ids=["its process is dead", "a minute old"])
def test_what_a_killed_process_left_in_the_middle_holds_nobody_up(node: StrictShell, age: int, process: int) -> None:
    node.run(LEAVE.command(FILE, str(age), str(process)))
    began = time.monotonic()
    assert take(node, "run-1", "somebody", 60).how == "taken"
    assert time.monotonic() - began < 2
    assert node.run(command("ls", "/var/lib/runbook-test", sudo=True)).text == "lock\n"


def test_a_living_process_in_the_middle_is_waited_for(node: StrictShell) -> None:
    node.run(LEAVE.command(FILE, "0", "1"))
    with pytest.raises(LockHeld, match="another process has been changing") as caught:
        take(node, "run-1", "somebody", 60)
    assert f"{FILE}.changing on node2" in caught.value.next
    node.run(command("rm", f"{FILE}.changing", sudo=True))
    assert take(node, "run-1", "somebody", 60).how == "taken"


def test_one_whose_answer_nobody_hears_leaves_nothing_but_the_lock(node: StrictShell) -> None:
    heard_by_nobody = Script(f"(sleep 0.2; sh -s -- {FILE} run-1 somebody 60 <<'END'\n{lock.TAKE.text}\nEND\n) | true",
                             sudo=True)
    node.run(heard_by_nobody.command())
    time.sleep(0.5)
    assert node.ask(HERE)[HERE].run == "run-1"
    assert node.run(command("ls", "/var/lib/runbook-test", sudo=True)).text == "lock\n"


def test_a_lock_is_for_root_alone(node: StrictShell) -> None:
    take(node, "run-1", "somebody", 60)
    assert node.run(command("stat", "-c", "%U %a", FILE, sudo=True)).text == "root 600\n"


def test_a_host_is_locked_in_one_place() -> None:
    assert LOCK.script.args == (LOCK_FILE,) == ("/var/lib/runbook/lock",)


def test_the_hosts_own_clock_judges() -> None:
    assert parse_lock("r\no\n100\n99\n") == Lock("r", "o", 100, expired=False)
    assert parse_lock("r\no\n100\n100\n").expired
    assert parse_lock("") is None
