"""A run's hosts are let go of whatever becomes of the notebook that took them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.errors import LockHeld, Unreachable
from runbook.hold import LET_GO, TAKEN, Hold, left, let_go_of_left
from runbook.journal import Journal
from runbook.remote import lock
from runbook.remote.command import Command, Result
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.remote.ssh import SshShell
from runbook.site import Site, load_site
from runbook.site_tables import Host, SshSettings
from runbook.testbed.bed import Bed


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "run") as journal:
        yield journal


@pytest.fixture
def site(bed: Bed) -> Site:
    return load_site(bed.site_file)


class Interrupted(LocalShell):
    """A host that has done what was asked when the person's Ctrl-C comes."""

    def run(self, command: Command) -> Result:
        super().run(command)
        raise KeyboardInterrupt


def told(journal: Journal) -> list[object]:
    return [one["text"] for one in journal.entries() if one.get("about") == "lock"]


def test_a_lock_whose_answer_never_came_is_let_go_of_too(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "there" / "lock"
    monkeypatch.setattr(lock.take, "__kwdefaults__", {"file": str(file)})
    monkeypatch.setattr(lock.release, "__kwdefaults__", {"file": str(file)})
    host = Host("node1", "local", ())
    hold = Hold("run-1", "somebody", Fleet([(host, Interrupted(journal, name="node1"))], at_once=1), journal)
    with pytest.raises(KeyboardInterrupt):
        hold.take(["node1"])
    assert file.exists() and left(journal.entries()) == ("node1",)
    hold._fleet = Fleet([(host, LocalShell(journal, name="node1"))], at_once=1)
    hold.let_go()
    assert not file.parent.exists() and left(journal.entries()) == ()


def test_a_host_out_of_reach_has_no_lock_to_let_go_of(journal: Journal) -> None:
    away = Host("away", "127.0.0.1", (), ssh=SshSettings(port=1))
    hold = Hold("run-1", "somebody", Fleet([(away, SshShell(away, journal))], at_once=1), journal)
    with pytest.raises(Unreachable):
        hold.take(["away"])
    assert told(journal) == [TAKEN, LET_GO] and left(journal.entries()) == ()


def test_what_a_killed_notebook_held_is_let_go_of_from_the_journal_alone(
    journal: Journal, site: Site, only_mine: None, tmp_path: Path
) -> None:
    with Fleet.open(site, hosts=["node3"], recorder=journal) as fleet, Journal(tmp_path / "other") as others:
        Hold("killed-run", "somebody", fleet, journal).take(["node3"])
        assert left(journal.entries()) == ("node3",)
        with pytest.raises(LockHeld, match="killed-run of somebody"):
            Hold("other-run", "another", fleet, others).take(["node3"])
        let_go_of_left(site, "killed-run", journal)
        assert fleet["node3"].ask(lock.LOCK)[lock.LOCK] is None
    assert left(journal.entries()) == ()


def test_a_host_on_which_a_command_may_still_run_keeps_its_lock(journal: Journal) -> None:
    journal.write("note", "node1", about="lock", text=TAKEN)
    journal.begin("command", "node1", words=["sleep", "300"])
    assert left(journal.entries()) == ()


@pytest.fixture
def only_mine(site: Site, tmp_path: Path) -> Iterator[None]:
    """node3 is locked by nobody before this, and its lock is gone after it."""
    with Journal(tmp_path / "look") as journal, Fleet.open(site, hosts=["node3"], recorder=journal) as fleet:
        assert fleet["node3"].ask(lock.LOCK)[lock.LOCK] is None
        yield
        lock.release(fleet["node3"], "killed-run")
