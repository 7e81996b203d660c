"""A bed comes up once, goes down whole, and comes back from a reboot with its disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path

import pytest

from runbook.errors import Blocked, LockHeld, SiteError
from runbook.site import ROOT
from runbook.testbed import cgroups, emulation, host, lock, network, prerequisites
from runbook.testbed.bed import Bed, borrowed, down, require_standing, status, up
from runbook.testbed.layout import Layout
from runbook.testbed.leftovers import leftovers
from runbook.testbed.program import TestbedError
from tests.testbed.small_bed import HOST, SITE, SmallBed, ssh_to

KINDS_OF_NAMESPACE = ("net", "mnt", "pid", "uts", "ipc", "cgroup")
UP_SECONDS, UP_AGAIN_SECONDS = 10.0, 0.5  # the limits, for three hosts


def start(*words: str) -> subprocess.Popen[str]:
    """`runbook testbed …` as a person starts it, in a process group of its own."""
    return subprocess.Popen([sys.executable, "-m", "runbook.testbed", *words], cwd=ROOT, text=True,
                            start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def namespaces(process: str) -> frozenset[int]:
    """The namespaces that a process is in."""
    try:
        return frozenset(os.stat(f"/proc/{process}/ns/{kind}").st_ino for kind in KINDS_OF_NAMESPACE)
    except OSError:  # it ended
        return frozenset()


def all_namespaces() -> frozenset[int]:
    """Those of every process of this machine."""
    return frozenset().union(*(namespaces(name) for name in os.listdir("/proc") if name.isdigit()))


def test_a_second_up_says_that_it_stands(small: SmallBed) -> None:
    up(small.file)
    again = start("up", "--site", str(small.file))
    said, complaint = again.communicate(timeout=30)
    assert again.returncode == 0, complaint
    assert said.startswith("bedtest: 1 host, stands already")


def test_three_hosts_are_up_in_time_and_found_standing_at_once(bed: Bed) -> None:
    assert bed.stood or bed.seconds < UP_SECONDS
    seconds = []
    for _ in range(5):  # the quickest of five: others work on this machine too
        with borrowed(bed.site_file) as same:
            assert same.stood
            seconds.append(same.seconds)
    assert min(seconds) < UP_AGAIN_SECONDS
    assert bed.standing(), "another share in it is still held"


def test_a_bed_that_a_lost_clone_borrowed_is_built_anew(small: SmallBed, tmp_path: Path) -> None:
    clone = tmp_path / "clone" / "bedtest.toml"
    clone.parent.mkdir()
    clone.write_text(SITE + HOST)
    up(clone)
    with pytest.raises(Blocked, match="a bed bedtest stands already, for .*clone"):
        up(small.file)
    clone.unlink()
    assert not up(small.file).stood
    assert not (clone.parent / ".cache" / "testbed").exists()


@contextmanager
def lock_use(layout: Layout) -> Iterator[None]:
    """A share in a bed, as whoever borrows it has one."""
    use = lock.Use(layout.state)
    try:
        yield
    finally:
        use.end()


def end_each(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_bed_of_another_clone_in_which_nothing_runs_is_built_anew(small: SmallBed, tmp_path: Path) -> None:
    clone = tmp_path / "clone" / "bedtest.toml"
    clone.parent.mkdir()
    clone.write_text(SITE + HOST)
    group = up(clone).layout.group
    with pytest.raises(Blocked, match="a bed bedtest stands already, for .*clone"), borrowed(small.file):
        pass
    until = time.monotonic() + 20
    while pids := cgroups.members(group):
        assert time.monotonic() < until
        end_each(pids)
    with borrowed(small.file) as bed:
        assert not bed.stood and bed.status().ok
    assert str(leftovers(small.layout)) == "nothing is left"


def test_a_bed_of_another_clone_whose_supervisors_died_is_built_anew(small: SmallBed, tmp_path: Path) -> None:
    clone = tmp_path / "clone" / "bedtest.toml"
    clone.parent.mkdir()
    clone.write_text(SITE + HOST)
    layout = up(clone).layout
    end_each([int((layout.place("lone").state / "supervisor").read_text())])
    with lock_use(layout), pytest.raises(Blocked, match="stands already"):
        up(small.file)
    assert cgroups.members(layout.group, cgroups.KEEPERS), "its BMC lives on"
    assert not up(small.file).stood


def test_the_status_names_every_host(bed: Bed) -> None:
    seen = bed.status()
    assert seen.ok and [one.name for one in seen.hosts] == ["node1", "node2", "node3"]
    assert str(seen).startswith("testbed: up; node1 (198.18.0.11): up since ")
    assert str(seen).endswith("sshd answers")


def test_a_second_bed_stands_beside_the_first_and_goes_without_it(bed: Bed, small: SmallBed) -> None:
    layout = up(small.file).layout
    assert ssh_to(layout, "lone", "systemctl is-system-running; ls /sys/class/net") == "running\neth0\nlo"
    knock = f"bash -c 'exec 3<>/dev/tcp/{bed.hosts[0].address}/22'"
    assert "unreachable" in ssh_to(layout, "lone", knock, fails=True)
    down(small.file)
    assert bed.status().ok
    assert str(status(small.file)) == "bedtest: down"
    assert (emulation.BINFMT / bed.emulation.entry).exists(), "the first bed still uses it"


def test_down_leaves_nothing_but_the_fence(small: SmallBed) -> None:
    layout = up(small.file).layout
    ssh_to(layout, "lone", "sudo -n systemd-run --quiet sleep 999; nohup sleep 999 >/dev/null 2>&1 &")
    there = leftovers(layout)
    assert all(getattr(there, kind.name) for kind in fields(there) if kind.name != "mounts"), there
    own = namespaces(str(host.first_process(layout.place("lone")))) - namespaces("self")
    assert len(own) == len(KINDS_OF_NAMESPACE) and own <= all_namespaces()
    down(small.file)
    assert str(leftovers(layout)) == "nothing is left"
    assert not own & all_namespaces()
    assert layout.name not in Path("/proc/mounts").read_text()
    assert not layout.key.parent.parent.exists()
    assert network.fenced(layout)


def test_nothing_leaves_the_machine_while_the_bed_is_down(small: SmallBed) -> None:
    layout = up(small.file).layout
    down(small.file)
    words = ("ip", "route", "get", str(layout.places[0].address))
    route = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "No route to host" in route.stderr
    with pytest.raises(Blocked, match="the testbed bedtest is down"):
        require_standing(small.file)


def test_a_reboot_comes_back_with_its_disk(small: SmallBed) -> None:
    layout = up(small.file).layout
    lone = layout.place("lone")
    question = "cat /proc/sys/kernel/random/boot_id"
    first = ssh_to(layout, "lone", f"echo kept >kept; echo gone >/tmp/gone; sudo -n sync; {question}")
    before = host.first_process(lone)
    subprocess.run(host.inside(lone, "systemctl", "reboot"), check=True, capture_output=True)
    until = time.monotonic() + 20
    while host.first_process(lone) in (before, 0):
        assert time.monotonic() < until
        time.sleep(0.05)
    host.await_boot(lone, until)
    assert ssh_to(layout, "lone", f"cat kept; {question}; ls /tmp").splitlines()[0] == "kept"
    assert ssh_to(layout, "lone", question) != first
    assert "No such file" in ssh_to(layout, "lone", "cat /tmp/gone", fails=True)
    assert len(ssh_to(layout, "lone", "sudo -n journalctl --list-boots --quiet").splitlines()) >= 2


def test_a_host_that_switches_itself_off_stays_off(small: SmallBed) -> None:
    layout = up(small.file).layout
    lone = layout.place("lone")
    subprocess.run(host.inside(lone, "systemctl", "poweroff"), check=True, capture_output=True)
    until = time.monotonic() + 20
    while host.power(lone).on:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert str(status(small.file).hosts[0]) == "lone (198.18.9.11): off"
    assert not status(small.file).ok


V2_ALONE = """\
umount --recursive /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
"$1" -m runbook.testbed up --site "$2" && "$1" -m runbook.testbed up --site "$2"
"$1" -m runbook.testbed down --site "$2"
"""


def test_a_bed_stands_where_the_machine_has_cgroups_v2_alone(small: SmallBed) -> None:
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-euc", V2_ALONE, "sh", sys.executable,
         str(small.file)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "bedtest: 1 host, up" in done.stdout and "bedtest: 1 host, stands already" in done.stdout
    assert "bedtest: down" in done.stdout


def start_half_way(small: SmallBed) -> subprocess.Popen[str]:
    """An `up` that has begun with its host, which will take it a second at least."""
    begun = start("up", "--site", str(small.file))
    until = time.monotonic() + 20
    while not small.layout.place("lone").state.exists():
        assert begun.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    return begun


def killed_half_way(small: SmallBed) -> None:
    begun = start_half_way(small)
    begun.kill()
    begun.communicate()
    assert leftovers(small.layout)


def killed_after(small: SmallBed, seconds: float) -> bool:
    """Kill an `up` -9 after so long, take the bed down; whether something was there by then."""
    begun = start("up", "--site", str(small.file))
    time.sleep(seconds)
    begun.kill()
    begun.communicate()
    half = bool(leftovers(small.layout))
    down(small.file)
    assert str(leftovers(small.layout)) == "nothing is left"
    return half


def test_down_cleans_after_an_up_that_was_killed(small: SmallBed) -> None:
    killed_half_way(small)
    down(small.file)
    assert str(leftovers(small.layout)) == "nothing is left"


@pytest.mark.long
@pytest.mark.timeout(300)
def test_down_cleans_after_an_up_that_was_killed_at_any_moment(small: SmallBed) -> None:
    halves = [killed_after(small, 0.1 + 0.03 * step) for step in range(50)]
    assert sum(halves) > len(halves) // 2


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_second_down_finishes_what_a_killed_one_began(small: SmallBed) -> None:
    halves = 0
    for step in range(20):
        up(small.file)
        begun = start("down", "--site", str(small.file))
        time.sleep(0.15 + 0.03 * step)
        begun.kill()
        begun.communicate()
        halves += bool(leftovers(small.layout))
        down(small.file)
        assert str(leftovers(small.layout)) == "nothing is left"
    assert halves > 5


def test_up_mends_what_a_killed_up_left(small: SmallBed) -> None:
    killed_half_way(small)
    assert not up(small.file).stood
    assert status(small.file).ok


def test_an_interrupted_up_takes_back_what_it_began(small: SmallBed) -> None:
    begun = start_half_way(small)
    begun.send_signal(signal.SIGINT)
    _, said = begun.communicate(timeout=20)
    assert begun.returncode == 130 and "taken back" in said
    assert str(leftovers(small.layout)) == "nothing is left"


def test_two_ups_at_once_make_one_bed(small: SmallBed) -> None:
    both = [start("up", "--site", str(small.file)) for _ in range(2)]
    said = sorted(one.communicate(timeout=40)[0].split("\n")[0].partition(" (")[0] for one in both)
    assert said == ["bedtest: 1 host, stands already", "bedtest: 1 host, up"]


def test_a_borrowed_bed_is_not_taken_down_and_goes_with_its_last_borrower(small: SmallBed) -> None:
    with borrowed(small.file):
        refused = start("down", "--site", str(small.file))
        _, said = refused.communicate(timeout=20)
        assert refused.returncode == 3 and f"in use by process {os.getpid()}" in said
        assert status(small.file).ok
    assert str(leftovers(small.layout)) == "nothing is left"
    up(small.file)
    with borrowed(small.file):
        pass
    assert status(small.file).ok, "it stood before it was borrowed, so it stays"


def test_a_prefix_that_another_bed_has_is_refused(small: SmallBed, tmp_path: Path) -> None:
    up(small.file)
    other = tmp_path / "other.toml"
    other.write_text((SITE + HOST).replace("bedtest", "bedtwo"))
    with pytest.raises(Blocked, match=r"198\.18\.9\.0/24 on rb-bedtest"):
        up(other)
    with pytest.raises(SiteError, match=r"192\.0\.2\.1 is not a testbed's address"):
        other.write_text((SITE + HOST).replace("198.18.9.11\"", "192.0.2.1\""))
        up(other)
    assert status(small.file).ok


def test_a_host_that_does_not_boot_is_named_with_its_last_words(
        small: SmallBed, monkeypatch: pytest.MonkeyPatch) -> None:
    from runbook.testbed import image

    written = image.write

    def spoiled(layout, place, *keys: str) -> None:  # type: ignore[no-untyped-def]
        written(layout, place, *keys)
        (place.disk / "work").rmdir()

    monkeypatch.setattr(image, "write", spoiled)
    with pytest.raises(TestbedError, match="lone: does not boot") as raised:
        up(small.file)
    assert "mount" in raised.value.tail
    assert str(leftovers(small.layout)) == "nothing is left"


def test_a_host_whose_supervisor_died_comes_back_with_the_next_up(small: SmallBed) -> None:
    layout = up(small.file).layout
    lone = layout.place("lone")
    ssh_to(layout, "lone", "echo kept >kept; sync")
    os.kill(int((lone.state / "supervisor").read_text()), signal.SIGKILL)
    until = time.monotonic() + 20
    while host.power(lone).on:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert not status(small.file).ok
    with pytest.raises(TestbedError, match="nobody is at its power supply"):
        host.press(lone, "reset")
    assert up(small.file).stood
    assert ssh_to(layout, "lone", "cat kept") == "kept"


def test_up_presses_the_button_of_a_host_that_is_off(small: SmallBed) -> None:
    lone = up(small.file).layout.place("lone")
    host.press(lone, "off")
    until = time.monotonic() + 20
    while host.power(lone).on:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert up(small.file).stood and status(small.file).ok


def test_what_is_missing_is_named_with_what_mends_it(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prerequisites, "search_path", lambda: str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    site = tmp_path / "bedtest.toml"
    site.write_text(SITE + HOST)
    with pytest.raises(Blocked, match="it lacks root: .*; programs of .*containerd.*openipmi") as raised:
        up(site)
    assert "apt-get install containerd" in raised.value.next
    with pytest.raises(Blocked, match="only root takes a testbed down"):
        down(site)


def test_a_lock_that_is_held_names_its_process(small: SmallBed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "WAIT_SECONDS", 0.1)
    with lock.changing("bedtest"), pytest.raises(LockHeld, match=f"process {os.getpid()} still changes"):
        down(small.file)
