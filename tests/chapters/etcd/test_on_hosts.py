"""The chapter on the testbed's hosts: a cluster of three for the bed's own target."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from runbook.chapters.containers.wanted import unit_of
from runbook.chapters.etcd import door
from runbook.chapters.etcd.credentials import SERVER, credentials_question
from runbook.chapters.etcd.health import members_healthy
from runbook.chapters.etcd.layout import UTL
from runbook.chapters.etcd.observe import UNIT_STATE
from runbook.chapters.etcd.sign import Signed, find_trusted, trusted_by
from runbook.chapters.etcd.signed import programs_signed
from runbook.chapters.etcd.users import users_kept
from runbook.chapters.etcd.verify import certificates_hold
from runbook.chapters.etcd.wanted import Wanted
from runbook.errors import ChapterFailed
from runbook.pki.request import checked
from runbook.remote.command import Script, command
from runbook.run import Run
from runbook.site import load_site
from runbook.testbed.bed import Bed
from runbook.verdict import State
from runbook.views import Acted
from tests.chapters.etcd.rooms import Room


@pytest.fixture(scope="module")
def formed(bed: Bed, reports: Path) -> Iterator[tuple[Room, Wanted, Acted]]:
    """A standing cluster, which several tests share; taken back after the last, and nothing may be left."""
    found = Room(Run.start(load_site(bed.site_file)))
    try:
        wanted, _, acted = found.form(found.chapter())
        yield found, wanted, acted
    finally:
        refused = found.take_back()
    assert refused == []
    assert found.left() == {}


def test_three_members_form_one_cluster_that_is_closed_to_strangers(formed: tuple[Room, Wanted, Acted]) -> None:
    room, wanted, acted = formed
    assert set(acted.states.values()) == {"applied"}
    chapter = room.chapter()
    verdicts = chapter.verify(door.verify, wanted).verdicts
    assert verdicts.ok, str(verdicts)
    assert not [one for one in verdicts if one.state is State.SKIPPED]
    refused = [one for one in verdicts if one.what == "who has no right is refused"]
    assert len(refused) == 3
    assert all("a lapsed certificate: certificate expired" in one.reason for one in refused)
    chapter.record()


def test_a_second_run_changes_nothing(formed: tuple[Room, Wanted, Acted]) -> None:
    _, first, second = formed[0].form(formed[0].chapter())
    assert [*first.changed.values(), *second.changed.values()] == [0] * 6


def test_a_killed_member_comes_back_while_the_others_write(formed: tuple[Room, Wanted, Acted]) -> None:
    room, wanted, _ = formed
    verdicts = room.chapter().verify(door.member_killed, wanted).verdicts
    assert [one.state for one in verdicts] == [State.PASS, State.PASS], str(verdicts)
    assert verdicts.verdicts[1].figures["rejoin"].value > 0


def test_a_lapsed_certificate_is_noticed_and_replaced_without_a_restart(formed: tuple[Room, Wanted, Acted]) -> None:
    room, wanted, _ = formed
    chapter = room.chapter("node2")
    question = credentials_question(wanted.site.service.name)
    seen = door.look(chapter)
    held, pid = seen["node2"][question], seen["node2"][UNIT_STATE].pid
    authority = find_trusted("clients", trusted_by({"node2": held})["clients"], room.run)
    assert authority is not None
    own = next(one for one in wanted.credentials("node2") if one.name == SERVER)
    request = checked(held.of(own).request, own.identity, "node2")
    lapsed = authority.sign(request, own.identity, at=wanted.at, lifetime=timedelta(hours=-1))
    chapter.act(chapter.decide(door.member, seen, wanted, Signed({("node2", own.stem): lapsed.pem})))
    held_now = chapter.verify(certificates_hold, wanted).verdicts
    assert "server has a certificate that is lapsed" in str(held_now)
    with pytest.raises(ChapterFailed):
        chapter.record()

    _, _, acted = room.form(room.chapter())
    assert acted.changed == {"node1": 0, "node2": 1, "node3": 0}
    again = room.chapter()
    assert again.verify(certificates_hold, wanted).verdicts.ok
    assert again.verify(members_healthy, wanted).verdicts.ok
    assert again.fleet["node2"].ask(UNIT_STATE)[UNIT_STATE].pid == pid


def test_no_private_key_is_in_the_run_but_the_authorities_own(formed: tuple[Room, Wanted, Acted]) -> None:
    folder = formed[0].run.folder
    keys = {path.relative_to(folder).as_posix() for path in folder.rglob("*")
            if path.is_file() and b"PRIVATE KEY-----" in path.read_bytes()}  # fmt: skip
    assert keys == {f"authorities/{name}.key" for name in ("clients", "peers")} | {
        f"signing/{name}.key" for name in ("ecdsa", "sm2")}
    journal = (folder / "journal.jsonl").read_text() + "".join(
        path.read_text(errors="replace") for path in (folder / "logs").iterdir())  # fmt: skip
    for key in keys:
        for line in (folder / key).read_text().splitlines()[1:-1]:
            assert line not in journal
        assert (folder / key).stat().st_mode & 0o777 == 0o600


def test_a_service_that_died_is_a_failure_and_one_that_was_never_deployed_is_skipped(
    formed: tuple[Room, Wanted, Acted]
) -> None:
    room, wanted, _ = formed
    chapter = room.chapter()
    (absent,) = users_kept(chapter, wanted)
    assert absent.state is State.SKIPPED and "not deployed" in absent.reason
    unit = unit_of(wanted.site.service.name)
    path = f"/run/systemd/system/{unit}"
    shell = chapter.fleet["node2"]
    shell.put(b"[Service]\nExecStart=/bin/false\n", path, sudo=True)
    try:
        shell.run(Script('systemctl daemon-reload; systemctl start "$1"; sleep 0.2', (unit,), sudo=True).command())
        (died,) = users_kept(chapter, wanted)
        assert died.state is State.FAIL and died.host == "node2" and f"{unit} is failed" in died.reason, str(died)
    finally:
        shell.run(Script('rm -f "$2"; systemctl reset-failed "$1"; systemctl daemon-reload', (unit, path),
                         sudo=True).command())
        chapter.let_go()


def test_a_program_that_was_changed_on_a_host_is_told(formed: tuple[Room, Wanted, Acted]) -> None:
    room, wanted, _ = formed
    chapter = room.chapter("node2")
    shell = chapter.fleet["node2"]
    (well,) = programs_signed(chapter, wanted)
    assert well.state is State.PASS, well
    shell.run(Script('printf x >>"$1"', (UTL,), sudo=True).command())
    try:
        (told,) = programs_signed(chapter, wanted)
    finally:
        shell.run(Script('truncate -s -1 "$1"', (UTL,), sudo=True).command())
        chapter.let_go()
    assert told.state is State.FAIL and told.host == "node2"
    assert "etcdutl was changed after it was signed" in told.reason and "etcdctl" not in told.reason


def test_what_etcd_takes_aside_leaves_nothing(formed: tuple[Room, Wanted, Acted]) -> None:
    room, wanted, _ = formed
    chapter = room.chapter()
    evidence = door.evidence(chapter, wanted)
    assert evidence.tried.p256 is not None and evidence.tried.p256.serves
    assert evidence.tried.sm2 is not None and not evidence.tried.sm2.serves
    told = chapter.fleet[evidence.host].run(command("sh", "-c", "ls -d /tmp/tmp.* 2>/dev/null; :")).text
    assert told == ""
    chapter.judge(evidence)
