"""Many hosts side by side: ordered, and one failure hides no other."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.entries import entries
from runbook.errors import ConnectionLost, SiteError, SudoRefused, Unreachable, UsageError
from runbook.journal import Journal
from runbook.remote.command import Script, command
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.remote.question import Question
from runbook.remote.ssh import SshShell
from runbook.remote.strict import StrictShell
from runbook.remote.transfer import Source
from runbook.site import Host, Site, load_site
from runbook.testbed.bed import Bed
from runbook.verdict import State
from tests.remote.conftest import Notes, Sshd, gone

PRINT_EACH = ("sh", "-c", 'for word in "$@"; do printf "%s\\0" "$word"; done', "sh")
WHO = Question(Script("uname -n"), str.strip, "who")
ROOT = Question(Script("id -u", sudo=True), int, "root")


@pytest.fixture
def site(bed: Bed) -> Site:
    return load_site(bed.site_file)


@pytest.fixture
def fleet(site: Site) -> Iterator[Fleet]:
    with Fleet.open(site, recorder=Notes()) as fleet:
        yield fleet


def away(site: Site, name: str) -> Site:
    """The site with a host at an address of its prefix where nobody is."""
    nobody = next(host.address for host in site.hosts).rpartition(".")[0] + ".250"
    return replace(site, hosts=tuple(
        replace(host, address=nobody, ssh=replace(host.ssh, connect_seconds=0.8)) if host.name == name else host
        for host in site.hosts))


def test_every_host_answers_in_the_sites_order(fleet: Fleet) -> None:
    answers = fleet.ask(WHO, ROOT)
    assert answers.ok and answers.of(WHO) == {name: name for name in fleet.names}
    assert set(answers.of(ROOT).values()) == {0}
    assert [answers.host for answers in answers] == list(fleet.names) == ["node1", "node2", "node3"]


def test_a_host_that_is_away_hides_no_other_and_costs_its_limit_only(site: Site) -> None:
    start = time.monotonic()
    with Fleet.open(away(site, "node2"), recorder=Notes()) as fleet:
        answers = fleet.ask(WHO)
        ran = fleet.run(command("true"))
    assert time.monotonic() - start < 5
    assert answers.of(WHO) == {"node1": "node1", "node3": "node3"}
    assert isinstance(answers["node2"].error, Unreachable) and isinstance(ran.errors["node2"], Unreachable)
    assert list(ran.good) == ["node1", "node3"] and str(ran).startswith("node2  ")


def test_hosts_are_chosen_by_name_and_by_role(fleet: Fleet, site: Site) -> None:
    assert fleet.only("node3", "node1").names == ("node1", "node3")
    assert fleet.with_role("etcd").names == tuple(host.name for host in site.hosts_with("etcd"))
    assert fleet.only("node1")["node1"] is fleet["node1"], "over the same connection"
    with pytest.raises(KeyError):
        fleet.only("node9")
    with pytest.raises(SiteError, match="node9"):
        Fleet.open(site, hosts=["node9"], recorder=Notes())


def test_the_machine_itself_can_be_a_host(site: Site) -> None:
    here = replace(site, hosts=(Host("here", "local", ()), *site.hosts[:1]))
    with Fleet.open(here, recorder=Notes()) as fleet:
        assert isinstance(fleet["here"], LocalShell) and isinstance(fleet["node1"], SshShell)
        assert fleet.run(command("echo", "x")).values()[0].text == "x\n"


def test_at_most_as_many_as_the_site_says_at_once(site: Site) -> None:
    with Fleet.open(replace(site, ssh=replace(site.ssh, at_once=1)), recorder=Notes()) as fleet:
        fleet.run(command("true"))
        start = time.monotonic()
        fleet.run(command("sleep", "0.2"))
        assert time.monotonic() - start > 0.6


def test_what_has_to_be_together_is_on_every_host_at_once(site: Site) -> None:
    all_there = threading.Barrier(3, timeout=20)
    with Fleet.open(replace(site, ssh=replace(site.ssh, at_once=1)), recorder=Notes()) as fleet:
        waited = fleet.each(lambda shell: (shell.run(command("true")), all_there.wait())[1], together=True)
        assert sorted(waited.values()) == [0, 1, 2]


def test_a_judgement_asks_anew_and_gives_each_host_its_verdict(site: Site) -> None:
    with Fleet.open(away(site, "node2"), recorder=Notes()) as fleet:
        verdicts = fleet.judge(WHO, what="name", passes=lambda name: name == "node1", because="it is the first",
                               otherwise=lambda name: f"it is called {name}")
    assert [(one.host, one.state) for one in verdicts] == [
        ("node1", State.PASS), ("node2", State.FAIL), ("node3", State.FAIL)]
    first, second, third = verdicts
    assert first.reason == "it is the first" and third.reason == "it is called node3"
    assert "cannot be reached" in second.reason or "does not answer" in second.reason


def test_a_defect_of_the_function_is_raised(fleet: Fleet) -> None:
    ended = []

    def broken(shell: StrictShell) -> int:
        result = 1 // (shell.name != "node2")
        shell.run(command("sleep", "0.3"))
        ended.append(shell.name)
        return result

    with pytest.raises(ZeroDivisionError):
        fleet.each(broken)
    assert sorted(ended) == ["node1", "node3"], "the others were let to their end"
    assert fleet.run(command("true")).ok, "and the fleet goes on"


def test_words_arrive_through_sudo_as_they_were_given(fleet: Fleet) -> None:
    words = ("", "-n", "it's", '"', "$HOME `id` $(id)", "a\nb\n", "\\", "=x", "é€")
    for result in fleet.run(command(*PRINT_EACH, *words, sudo=True)).values():
        assert tuple(result.text.split("\0")[:-1]) == words


def test_a_file_for_many_hosts_is_hashed_once(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    hashing = Source.of.__func__
    monkeypatch.setattr(Source, "of", classmethod(lambda cls, what: read.append(what) or hashing(cls, what)))
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100_000)
    sent = fleet.put(file, "/tmp/runbook-many").values()
    assert read == [file] and not any(one.already for one in sent) and len({one.sha256 for one in sent}) == 1
    assert all(one.already for one in fleet.put(file, "/tmp/runbook-many").values())
    fleet.run(command("rm", "/tmp/runbook-many")).values()
    with pytest.raises(UsageError, match="No such file"):
        fleet.put(tmp_path / "missing", "/tmp/runbook-many")


def test_a_user_without_sudo_is_told_the_line_that_mends_it(fleet: Fleet, site: Site) -> None:
    node = fleet["node3"]
    welcome = "/etc/ssh/authorized_keys/"  # the testbed's sshd looks there
    make = 'useradd -M -d / -p "*" -s /bin/sh guest && cp "$1operator" "$1guest"'
    try:
        node.run(command("sh", "-c", make, "sh", welcome, sudo=True))
        host = site.host("node3")
        shell = SshShell(replace(host, ssh=replace(host.ssh, user="guest")), Notes())
        with pytest.raises(SudoRefused) as caught:
            shell.run(command("id", sudo=True))
        assert "guest may not `sudo -n` there: sudo id" in caught.value.what
        assert "guest ALL=(ALL) NOPASSWD: ALL" in caught.value.next
        answers = shell.ask(ROOT, WHO)
        assert answers[WHO] == "node3" and "sudo -n is refused" in answers[ROOT].why
        shell.close()
    finally:
        node.run(command("rm", "-f", f"{welcome}guest", sudo=True))
        node.run(command("userdel", "-f", "guest", sudo=True, also={6: "it was not made"}))


def test_what_runs_as_root_is_stopped_at_its_limit_too(fleet: Fleet, mark: str) -> None:
    script = 'sleep "$1" & sleep "$1"'
    outcomes = fleet.run(command("sh", "-c", script, "sh", mark, sudo=True, limit=0.5))
    assert len(outcomes.errors) == 3 and all("it was stopped" in str(error) for error in outcomes.errors.values())
    assert gone(mark)


INTERRUPTED = """
import sys
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.site import load_site
from tests.remote.conftest import Notes

with Fleet.open(load_site(sys.argv[1]), recorder=Notes()) as fleet:
    def work(shell):
        shell.run(command("sh", "-c", 'sleep "$1" & sleep "$1"', "sh", sys.argv[2], sudo=True))
        shell.run(command("sleep", sys.argv[2]))
    try:
        fleet.each(work)
    except KeyboardInterrupt:
        fleet.run(command("true")).values()
        print("interrupted", flush=True)
        sys.exit(130)
"""


def test_an_interrupt_stops_what_runs_on_every_host(bed: Bed, mark: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(bed.site_file), mark], stdout=subprocess.PIPE,
                               cwd=Path(__file__).parents[2])
    until = time.monotonic() + 20
    while len(sleeping(mark)) < 6 and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(2)
    said, _ = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, b"interrupted\n")
    assert gone(mark), sleeping(mark)


def sleeping(mark: str) -> list[str]:
    from tests.remote.conftest import running

    return [line for line in running(mark) if line.startswith("sleep")]


CUT = """
nft add table inet cut && nft add chain inet cut in '{ type filter hook input priority 0; }' &&
nft add chain inet cut out '{ type filter hook output priority 0; }' &&
nft add rule inet cut in tcp sport "$1" drop && nft add rule inet cut out tcp dport "$1" drop
"""


def test_a_peer_that_is_gone_without_a_word_is_noticed_within_seconds(fleet: Fleet, site: Site) -> None:
    shell = SshShell(site.host("node1"), Notes())
    port = shell.run(command("sh", "-c", "echo $SSH_CLIENT")).text.split()[1]
    start = time.monotonic()
    try:
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(shell.run, command("sleep", "20"))
            time.sleep(0.3)
            fleet["node1"].run(command("sh", "-c", CUT, "sh", port, sudo=True))
            with pytest.raises(ConnectionLost, match="is not known"):
                running.result()
        assert time.monotonic() - start < 12
        assert shell.run(command("true")).ok, "over a new connection"
    finally:
        fleet["node1"].run(command("nft", "delete", "table", "inet", "cut", sudo=True, also={1: "it was not made"}))
        shell.close()


def test_a_run_writes_its_commands_and_transfers_into_its_journal(site: Site, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with Fleet.open(site, hosts=["node1"], recorder=journal) as fleet:
        fleet.ask(WHO, ROOT)
        fleet.run(command("sh", "-c", "exit 3"))
        fleet["node1"].put(b"x", "/tmp/runbook-test")
        fleet["node1"].run(command("rm", "/tmp/runbook-test"))
    written = entries(tmp_path / "journal.jsonl")
    assert [(one.kind, one.phase) for one in written] == [
        (kind, phase) for kind in ("command", "command", "transfer", "command") for phase in ("begin", "end")]
    assert {one.host for one in written} == {"node1"} and written[3].fields["exit_code"] == 3


def test_a_host_that_is_asked_by_a_wrong_key_does_not_stop_the_others(site: Site, sshd: Sshd) -> None:
    mixed = replace(site, hosts=(site.hosts[0], sshd.but(host_key="SHA256:" + "A" * 43)))
    with Fleet.open(mixed, recorder=Notes()) as fleet:
        answers = fleet.ask(WHO)
    assert answers.of(WHO) == {"node1": "node1"} and "its host key is another one" in str(answers["local1"].error)
