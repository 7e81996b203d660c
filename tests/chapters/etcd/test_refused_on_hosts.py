"""What stands in the way on real hosts: named, refused, and nothing left behind."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.chapters.etcd import door
from runbook.chapters.etcd.data import parse_data
from runbook.chapters.etcd.layout import DATA, UNIT
from runbook.chapters.etcd.observe import UNIT_STATE
from runbook.errors import Blocked, CommandFailed
from runbook.remote.command import Script, command
from runbook.remote.fleet import Fleet
from runbook.run import Run
from runbook.site import load_site
from runbook.testbed.bed import Bed
from tests.chapters.etcd.rooms import Room

LISTENS = Script('for turn in $(seq 100); do ss -ltn | grep -q ":$1 " && exit; sleep 0.1; done; exit 1')
"""Ten seconds: on a busy machine a unit that was started does not listen yet."""
RECORDED = Path(__file__).resolve().parents[2] / "recorded" / "testbed-etcd"


@pytest.fixture
def room(bed: Bed, reports: Path) -> Iterator[Room]:
    """A run of its own on bare hosts, which are bare again after the test."""
    found = Room(Run.start(load_site(bed.site_file)))
    yield found
    assert found.take_back() == []
    assert found.left() == {}


def test_a_taken_port_is_refused_with_the_one_who_has_it(room: Room) -> None:
    chapter = room.chapter("node1")
    shell = chapter.fleet["node1"]
    shell.run(command("systemd-run", "--unit=squatter", "openssl", "s_server", "-accept", "2379", "-nocert", sudo=True))
    try:
        shell.run(LISTENS.command("2379"))
        seen = door.look(chapter)
        wanted = room.want(chapter, seen)
        with pytest.raises(Blocked, match=r"node1: port 2379 is taken by openssl \(process \d+, squatter.service\)"):
            chapter.decide(door.prepare, seen, wanted)
    finally:
        with Fleet.open(room.run.site, hosts=("node1",), recorder=room.run.journal) as fleet:
            fleet["node1"].run(command("systemctl", "stop", "squatter.service", sudo=True))


def test_data_of_another_cluster_is_refused_and_stays(room: Room) -> None:
    recorded = (RECORDED / "data").read_text()
    head = base64.b64decode(recorded.partition("== log\n")[2])
    chapter = room.chapter("node2")
    shell = chapter.fleet["node2"]
    log = f"{DATA}/member/wal/0000000000000000-0000000000000000.wal"
    shell.run(command("mkdir", "-p", f"{DATA}/member/wal", sudo=True))
    try:
        shell.put(head, log, owner="root:root", sudo=True)
        seen = door.look(chapter)
        wanted = room.want(chapter, seen)
        number = parse_data(recorded).cluster
        with pytest.raises(Blocked, match=f"is of the cluster {number:x}, not of {wanted.cluster.token}"):
            chapter.decide(door.prepare, seen, wanted)
        with Fleet.open(room.run.site, hosts=("node2",), recorder=room.run.journal) as fleet:
            assert fleet["node2"].run(command("wc", "-c", log, sudo=True)).text.split()[0] == str(len(head))
    finally:
        with Fleet.open(room.run.site, hosts=("node2",), recorder=room.run.journal) as fleet:
            fleet["node2"].run(command("rm", "-rf", DATA, sudo=True))


def test_a_member_that_never_gets_healthy_is_taken_back_with_its_log_shown(room: Room) -> None:
    """One of three alone: there is no quorum."""
    chapter = room.chapter("node3", healthy_within=4)
    with pytest.raises(CommandFailed) as failed:
        room.form(chapter)
    assert "not healthy; the last lines of its log" in failed.value.tail
    assert "what it had done was taken back" in str(failed.value)
    with Fleet.open(room.run.site, hosts=("node3",), recorder=room.run.journal) as fleet:
        now = fleet["node3"].ask(UNIT_STATE)[UNIT_STATE]
        assert not now.loaded and now.pid == 0, f"{UNIT} is still there"
