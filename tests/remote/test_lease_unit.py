"""A lease in a unit of the host's systemd: it is as any other, and its end is the end of all that began in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from runbook.errors import CommandTimedOut
from runbook.remote.attach import attach, carry
from runbook.remote.command import Script, command
from runbook.remote.lease import OWN_LEASES, Lease, begin, forget, leases, look, stop
from runbook.remote.ssh import SshShell
from runbook.remote.strict import StrictShell
from runbook.site import load_site
from runbook.site_tables import Host
from runbook.testbed.bed import Bed
from runbook.testbed.harm import harmed
from tests.remote.conftest import Notes

RUN = "a test of units"
STRAYING = ("sh", "-c", 'setsid sleep "$1" & sleep "$1"', "sh")
"""A process that begins a session of its own is no longer in the group of who began it."""
SLEEPING = Script('for one in /proc/[0-9]*; do'
                  ' [ "$(tr "\\0" " " <"$one/cmdline" 2>/dev/null)" != "sleep $1 " ] || echo "${one#/proc/}"; done')


def in_units(host: Host) -> Host:
    return replace(host, ssh=replace(host.ssh, leases="unit"))


@pytest.fixture
def node(bed: Bed) -> Host:
    return load_site(bed.site_file).hosts[0]


@pytest.fixture
def shell(node: Host) -> Iterator[SshShell]:
    """To a host of the testbed, where the site wants units; none of these leases is left there."""
    opened = SshShell(in_units(node), Notes())
    yield opened
    for lease in leases(opened):
        if lease.run == RUN:
            stop(opened, lease)
            forget(opened, lease)
    opened.close()


def start(shell: StrictShell, *words: str, sudo: bool = False, limit: float = 60.0) -> Lease:
    return begin(shell, command(*words, sudo=sudo, limit=limit), run=RUN)


def sleeping(shell: StrictShell, mark: str, count: int = 0) -> list[str]:
    """The processes of that mark, so many of them where they come about within some seconds, or go."""
    until = time.monotonic() + 10
    while len(found := shell.run(SLEEPING.command(mark)).text.split()) != count and time.monotonic() < until:
        time.sleep(0.1)
    return found


def state_of(shell: StrictShell, lease: Lease) -> str:
    """As systemd says; of one that has ended, when it has noticed."""
    until = time.monotonic() + 10
    asks = command("systemctl", "is-active", lease.unit, also={3: "it is not", 4: "unknown"})
    while (said := shell.run(asks).text.strip()) == "active" and not lease.runs and time.monotonic() < until:
        time.sleep(0.1)
    return said


@pytest.mark.parametrize("sudo", [False, True], ids=["the user's", "root's"])
def test_its_stop_ends_what_left_its_group_too(shell: SshShell, mark: str, sudo: bool) -> None:
    lease = start(shell, *STRAYING, mark, sudo=sudo)
    assert lease.unit == f"runbook-lease-{lease.id}.scope" and state_of(shell, lease) == "active"
    assert len(sleeping(shell, mark, 2)) == 2
    ended = stop(shell, lease)
    assert (ended.state, ended.why, ended.unit) == ("ended", "stop", lease.unit)
    assert shell.run(SLEEPING.command(mark)).text == "", "at once"
    assert state_of(shell, ended) == "inactive"


def test_so_does_its_limit(shell: SshShell, mark: str) -> None:
    lease = start(shell, *STRAYING, mark, limit=1.0)
    with pytest.raises(CommandTimedOut, match="no end within 1 s"):
        attach(shell, lease, out=bytes, err=bytes)
    assert shell.run(SLEEPING.command(mark)).text == "", "who hears of the limit finds nothing any more"
    assert look(shell, lease)[0].how() == "stopped at its limit of 1 s"


def test_without_a_unit_that_process_stays(node: Host, shell: SshShell, mark: str) -> None:
    """What the key of the site is for; were it otherwise, the two tests above would show nothing."""
    plain = SshShell(node, Notes())
    lease = start(plain, *STRAYING, mark)
    assert lease.unit == "" and len(sleeping(plain, mark, 2)) == 2
    assert stop(plain, lease).why == "stop"
    left = sleeping(plain, mark, 1)
    plain.run(command("kill", *left))
    plain.close()
    assert len(left) == 1


def test_what_it_leaves_in_the_background_ends_with_it_too(shell: SshShell, mark: str) -> None:
    lease = start(shell, "sh", "-c", 'setsid sleep "$1" & sleep 0.5', "sh", mark)
    ended = attach(shell, lease, out=bytes, err=bytes).lease
    assert (ended.exit_code, ended.why) == (0, "end")
    assert shell.run(SLEEPING.command(mark)).text == ""


def test_a_stop_before_its_command_has_begun_is_heard(bed: Bed, node: Host, shell: SshShell, mark: str) -> None:
    """While its keeper still waits for its scope, since the host's message bus stands still."""
    other = SshShell(node, Notes())
    other.run(command("true"))
    with harmed(bed.layout, "freeze", node.name, "dbus.service"):
        starting = threading.Thread(target=start, args=(shell, "sleep", mark))
        starting.start()
        time.sleep(1.0)
        begun, = [lease for lease in other.ask(OWN_LEASES)[OWN_LEASES] if lease.run == RUN and mark in lease.line]
        assert begun.state == "running" and not begun.started
        ended = stop(other, begun)
    starting.join(30)
    assert (ended.state, ended.why, ended.exit_code) == ("ended", "stop", 143)
    assert sleeping(other, mark) == []
    other.close()


def test_one_that_ends_by_itself_leaves_exit_code_output_and_no_unit(shell: SshShell) -> None:
    out = bytearray()
    ended = carry(shell, command("sh", "-c", "echo said; exit 4", also={4: "it says so"}), run=RUN, out=out.extend,
                  err=bytes).lease
    assert (ended.exit_code, ended.why, bytes(out)) == (4, "end", b"said\n")
    assert ended.unit and state_of(shell, ended) == "inactive"


def test_its_command_has_the_environment_of_any_other(shell: SshShell) -> None:
    words = ("sh", "-c", "unset _ SHLVL SSH_CLIENT SSH_CONNECTION; env | sort; pwd; id; umask")
    out = bytearray()
    carry(shell, command(*words), run=RUN, out=out.extend, err=bytes)
    assert bytes(out) == shell.run(command(*words)).stdout


@pytest.mark.parametrize("hidden", ["busctl", "setsid"])
def test_where_the_host_lacks_a_program_for_it_it_works_all_the_same(
    bed: Bed, node: Host, shell: SshShell, mark: str, hidden: str
) -> None:
    """Without setsid(1) the keeper is in the group of who began it, and has its scope all the same."""
    with harmed(bed.layout, "without", node.name, hidden):
        lease = start(shell, "sleep", mark)
        assert (bool(lease.unit), lease.state) == (hidden != "busctl", "running")
        assert len(sleeping(shell, mark, 1)) == 1
        assert stop(shell, lease).why == "stop" and sleeping(shell, mark) == []
