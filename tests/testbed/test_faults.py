"""A host is harmed in one way at a time, and healed exactly: afterwards nothing tells that anything was."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook.errors import UsageError
from runbook.testbed import cgroups, host
from runbook.testbed.bed import Bed
from runbook.testbed.commands import perform
from runbook.testbed.deed import NOTES
from runbook.testbed.faults import FAULTS, KEY
from runbook.testbed.harm import harm, harmed, harms, heal
from runbook.testbed.program import TestbedError, run
from tests.testbed.small_bed import Ssh, ssh_to

NODE = "node3"
OVER_AT_ONCE = {"kill", "reset", "reboot"}


def on_host(bed: Bed, *words: str) -> str:
    return run(*host.inside(bed.layout.place(NODE), *words), also=range(1, 256)).strip()


def state_of(bed: Bed) -> tuple[object, ...]:
    """All that a fault can change of a host."""
    place = bed.layout.place(NODE)
    net = ("nsenter", f"--net={place.namespace}", "--")
    knobs = [file.read_text() for hierarchy in cgroups.hierarchies()
             for name in ("freezer.state", "cpu.cfs_quota_us", "cgroup.freeze", "cpu.max")
             if (file := hierarchy.group(bed.layout.group, NODE) / name).exists()]
    return (run(*net, "nft", "list", "ruleset"), run(*net, "tc", "qdisc", "show"), knobs,
            on_host(bed, "cat", "/proc/mounts"), on_host(bed, "sha256sum", KEY), on_host(bed, "ls", "-l", "/etc/ssh"),
            on_host(bed, "ls", "/etc/sudoers.d", "/usr/local/bin", "/home"), on_host(bed, "cat", "/etc/passwd"),
            on_host(bed, "sha256sum", "/etc/os-release", "/etc/ssh/sshd_config"),
            on_host(bed, "systemctl", "is-active", "ssh", "containerd"),
            harms(place), run(*net, "ip", "-o", "link", "show", "type", "tun"), run(*net, "ip", "rule"),
            run(*net, "ip", "-6", "rule"), wires(bed))


def wires(bed: Bed) -> list[str]:
    """Programs of this machine that hold the host's packets."""
    notes = str(bed.layout.place(NODE).state / NOTES).encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if notes in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
    return found


def as_operator(bed: Bed, line: str) -> str:
    """What the operator's login shell says of a line."""
    return on_host(bed, "runuser", bed.layout.operator, "-c", line)


def banner(bed: Bed, port: int = 22, address: str = "") -> str:
    """What somebody who knocks at the host's sshd gets: its greeting, or how it is refused."""
    try:
        with socket.create_connection((address or str(bed.layout.place(NODE).address), port),
                                      timeout=0.7) as knocking:
            return knocking.recv(8).decode()
    except ConnectionResetError:
        return "reset"
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "silence"


def reached(bed: Bed) -> int:
    """How many of 30 connections come about at the first packet."""
    came = 0
    for _ in range(30):
        with socket.socket() as knocking:
            knocking.settimeout(0.1)
            came += knocking.connect_ex((str(bed.layout.place(NODE).address), 22)) == 0
    return came


def knocks(bed: Bed) -> list[float]:
    """Seconds that ten connections take to come about: one round trip each."""
    took = []
    for _ in range(10):
        start = time.monotonic()
        with socket.create_connection((str(bed.layout.place(NODE).address), 22), timeout=5):
            took.append(time.monotonic() - start)
    return took


def seconds_of_work(bed: Bed) -> float:
    place = bed.layout.place(NODE)
    script = 'for group in /sys/fs/cgroup/cpu /sys/fs/cgroup; do [ -f $group/$1/cgroup.procs ] && ' \
             'echo $$ >$group/$1/cgroup.procs && break; done; i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done'
    start = time.monotonic()
    subprocess.run(["sh", "-c", script, "sh", f"{bed.layout.group}/{place.name}"], check=True, timeout=60)
    return time.monotonic() - start


def key_shown(bed: Bed) -> str:
    return run("ssh-keyscan", "-t", "ed25519", str(bed.layout.place(NODE).address)).split()[-1]


EFFECTS: dict[str, tuple[tuple[str, ...], Callable[[Bed], bool]]] = {
    "partition": (("machine",), lambda bed: banner(bed) == "silence"),
    "loss": (("50",), lambda bed: 2 < reached(bed) < 28),
    "flapping": ((), lambda bed: {banner(bed) for _ in range(6)} == {"refused", "SSH-2.0-"}),
    "refusing": ((), lambda bed: banner(bed) == "refused"),
    "delay": (("60",), lambda bed: 0.055 < min(knocks(bed)) < 0.09),
    "jitter": (("60", "50"), lambda bed: (took := sorted(knocks(bed)))[-3] - took[0] > 0.02),  # not by a late one alone
    "bandwidth": (("1000",), lambda bed: "rate 1Mbit" in on_host(bed, "tc", "qdisc", "show")),
    "full-disk": (("/srv", "64"), lambda bed: "No space left" in on_host(
        bed, "sh", "-c", "head -c 100000 /dev/zero 2>&1 >/srv/file")),
    "read-only": (("/srv",), lambda bed: "Read-only" in on_host(bed, "sh", "-c", "(: >/srv/file) 2>&1")),
    "freeze": (("containerd",), lambda bed: "T" == on_host(bed, "sh", "-c", "ps -o state= -C containerd")[:1]),
    "freeze-host": ((), lambda bed: banner(bed) == "silence"),
    "slow-cpu": (("5",), lambda bed: seconds_of_work(bed) > 0.7),
    "sshd-down": ((), lambda bed: banner(bed) == "refused"),
    "sshd-silent": ((), lambda bed: banner(bed) == "silence"),
    "host-key": ((), lambda bed: key_shown(bed) not in bed.layout.known_hosts.read_text()),
    "sudo-revoked": ((), lambda bed: "password is required" in on_host(
        bed, "runuser", "-u", bed.layout.operator, "--", "sh", "-c", "sudo -n true 2>&1")),
    "banner": ((), lambda bed: "Authorized use only" in as_operator(bed, "true")),
    "noise": ((), lambda bed: "Inappropriate ioctl" in on_host(
        bed, "sh", "-c", 'runuser "$1" -c true 2>&1', "sh", bed.layout.operator)),
    "locale": (("de_DE.UTF-8",), lambda bed: "de_DE.UTF-8" in as_operator(bed, "echo $LC_ALL")),
    "without": (("bash,tar",), lambda bed: as_operator(
        bed, "command -v bash tar; readlink /proc/$$/exe") == "/usr/bin/dash"),
    "home": (("/home/a b",), lambda bed: as_operator(bed, 'cd && [ -O . ] && pwd') == "/home/a b"),
    "few-rights": (("/usr/bin/systemctl",), lambda bed: "password is required" in as_operator(
        bed, "sudo -n systemctl --version >/dev/null && sudo -n true 2>&1")),
    "system": (("kylin",), lambda bed: "Kylin Linux" in on_host(bed, "cat", "/etc/os-release")
               and on_host(bed, "sh", "-c", "command -v apt dpkg") == ""),
    "port": (("2222",), lambda bed: banner(bed, 2222) == "SSH-2.0-"),
    "clock": (("-300",), lambda bed: abs(int(ssh_to(bed.layout, NODE, "date +%s")) + 300 - time.time()) < 10),
    "ipv6-only": ((), lambda bed: banner(bed) == "silence"
                  and banner(bed, address=str(bed.layout.place(NODE).address_6)) == "SSH-2.0-"),
}


@pytest.mark.parametrize("name", sorted(EFFECTS))
def test_a_fault_is_felt_and_healed_exactly(bed: Bed, name: str) -> None:
    arguments, felt = EFFECTS[name]
    before = state_of(bed)
    assert not felt(bed), "it is not so without the fault"
    with harmed(bed.layout, name, NODE, *arguments) as done:
        assert harms(bed.layout.place(NODE)) == (done.__class__(
            NODE, name, done.arguments, done.deed.__class__(done.deed.where, (), done.deed.undo,
                                                            done.deed.until_reboot), done.boot),)
        assert felt(bed)
    assert state_of(bed) == before
    host.await_boot(bed.layout.place(NODE), time.monotonic() + 10)
    assert not felt(bed)


def test_a_delay_is_the_same_over_ipv6_and_between_hosts(bed: Bed) -> None:
    place, other = bed.layout.place(NODE), bed.layout.place("node1")
    with harmed(bed.layout, "delay", NODE, "60"):
        for address in (str(place.address), str(place.address_6)):
            said = run("nsenter", f"--net={other.namespace}", "--", sys.executable, "-c", KNOCK, address)
            assert 0.055 < float(said) < 0.12, address
            said = run("nsenter", f"--net={place.namespace}", "--", sys.executable, "-c", KNOCK, address)
            assert float(said) < 0.04, "what it says to itself takes no cable"


KNOCK = """
import socket, sys, time
took = []
for _ in range(6):  # the first asks for the neighbour's address too
    start = time.monotonic()
    socket.create_connection((sys.argv[1], 22), timeout=5).close()
    took.append(time.monotonic() - start)
print(min(took))
"""


def test_megabytes_pass_a_slow_cable_whole(bed: Bed) -> None:
    with harmed(bed.layout, "delay", NODE, "20"):
        said = ssh_to(bed.layout, NODE, "head -c 3000000 /dev/zero | sha256sum; head -c 3000000 /dev/zero | tr '\\0' x")
    digest, whole = said.split("\n", 1)
    assert len(whole) == 3_000_000 and digest.split()[0] == hashlib.sha256(bytes(3_000_000)).hexdigest()


def test_the_program_that_holds_packets_ends_when_nobody_notes_it_any_more(bed: Bed) -> None:
    """As where the bed was taken down meanwhile."""
    place = bed.layout.place(NODE)
    with harmed(bed.layout, "delay", NODE, "20"):
        assert len(wires(bed)) == 1
        notes = place.state / NOTES
        told = notes.read_bytes()
        notes.unlink()
        until = time.monotonic() + 5
        while wires(bed):
            assert time.monotonic() < until
            time.sleep(0.1)
        notes.write_bytes(told)  # what is left to take back are the rules: its interface went with it


def test_every_fault_is_tried_here() -> None:
    assert set(EFFECTS) | OVER_AT_ONCE == set(FAULTS)


def test_a_reboot_takes_back_what_was_in_memory_only(bed: Bed) -> None:
    place = bed.layout.place(NODE)
    before = state_of(bed)
    harm(bed.layout, "full-disk", NODE)
    harm(bed.layout, "sudo-revoked", NODE)
    since = host.power(place).since
    harm(bed.layout, "reboot", NODE)
    until = time.monotonic() + 20
    while host.power(place).since == since or not host.first_process(place):
        assert time.monotonic() < until
        time.sleep(0.05)
    host.await_boot(place, until)
    assert [one.name for one in heal(bed.layout, NODE)] == ["sudo-revoked", "full-disk"]
    now = state_of(bed)
    assert (now[:3], now[4:]) == (before[:3], before[4:]), "its mounts are the new boot's"
    assert "/srv" not in now[3] and heal(bed.layout, NODE) == ()


def test_a_killed_unit_is_started_again_by_its_host(bed: Bed) -> None:
    pid = on_host(bed, "systemctl", "show", "-P", "MainPID", "containerd")
    assert not harm(bed.layout, "kill", NODE, "containerd").deed.undo
    until = time.monotonic() + 20
    while on_host(bed, "systemctl", "show", "-P", "MainPID", "containerd") in (pid, "0"):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_second_fault_of_one_kind_is_refused_and_a_wrong_word_does_nothing(bed: Bed) -> None:
    before = state_of(bed)
    with harmed(bed.layout, "loss", NODE), pytest.raises(UsageError, match="has loss already"):
        harm(bed.layout, "partition", NODE)  # both have the one table
    for words in (("loss", NODE, "x"), ("kill", NODE), ("nothing", NODE), ("partition", NODE, "all", "more"),
                  ("full-disk", NODE, "srv")):
        with pytest.raises(UsageError):
            harm(bed.layout, *words)
    with pytest.raises(TestbedError):
        harm(bed.layout, "read-only", NODE, "/no/such/folder")
    assert state_of(bed) == before


def test_the_command_line_harms_and_heals(bed: Bed, ask: Ssh) -> None:
    from argparse import ArgumentParser

    from runbook.testbed.commands import add_arguments

    parser = ArgumentParser()
    add_arguments(parser)

    def testbed(*words: str) -> str:
        return perform(parser.parse_args([*words, "--site", str(bed.site_file)]))[1]

    assert testbed("fault", "sudo-revoked", NODE) == (
        f"{NODE}: sudo-revoked; `runbook testbed heal {NODE}` takes it back")
    assert "password is required" in ask(NODE, "sudo -n true", fails=True)
    assert testbed("heal", NODE) == f"{NODE}: sudo-revoked: healed"
    assert testbed("heal", NODE) == f"{NODE}: has no fault"
    ask(NODE, "sudo -n true")
