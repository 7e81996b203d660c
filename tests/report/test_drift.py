"""What runs have left on hosts, and what of it is no longer so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.errors import UndoRefused
from runbook.journal import Journal
from runbook.perform import perform, perform_there
from runbook.plan import Folder, Plan, Remove, Replace, Restore, Step
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.remote.secret import Secret
from runbook.report.drift import Written, left_behind, question_about
from runbook.report.on_hosts import hosts_text
from runbook.site import Site, load_site
from runbook.testbed.bed import Bed
from runbook.undo import undo
from tests.remote.conftest import Notes

HERE = "/etc/runbook-drift"
WORD = "a secret of the drift's test"
FIRST, SECOND = "20261126-100000-testbed", "20261126-110000-testbed"


def path(name: str) -> str:
    return f"{HERE}/{name}"


PLAN = Plan(
    Step("a folder for them", (Folder(HERE, mode=0o750),), (Restore(HERE),)),
    Step("files in it", (Replace(path("plain"), "one\n", mode=0o640), Replace(path("secret"), Secret(WORD), mode=0o600),
                         Replace(path("moved"), "same\n"), Remove("/etc/runbook-drift-old")),
         (Restore(path("plain")), Restore(path("secret")), Restore(path("moved")), Restore("/etc/runbook-drift-old"))),
)


@pytest.fixture
def site(bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path))
    site = load_site(bed.site_file)
    yield site
    with Fleet.open(site, recorder=Notes()) as fleet:
        fleet.run(command("sh", "-c", f"rm -rf {HERE} {HERE}-old /var/lib/runbook/*-testbed; "
                                      "rmdir /var/lib/runbook 2>/dev/null; :", sudo=True)).values()


def test_what_differs_from_what_runs_left_is_named_with_its_run(site: Site, tmp_path: Path) -> None:
    journal = Journal(tmp_path / FIRST)
    with Fleet.open(site, hosts=["node1", "node2"], recorder=journal) as fleet:
        fleet.run(command("touch", "/etc/runbook-drift-old", sudo=True))
        fleet.carry(perform_there, dict.fromkeys(fleet.names, (PLAN, FIRST, False))).values()
        said = hosts_text(site).splitlines()
        assert said == ["node1: no lock", "  no drift: 5 paths as runs left them",
                        "node2: no lock", "  no drift: 5 paths as runs left them", "node3: no lock"]

        by_hand = (f"echo two >{HERE}/plain; echo other >{HERE}/secret; chmod 755 {HERE}; touch {HERE}-old; "
                   f"chown operator {HERE}/moved")
        fleet["node2"].run(command("sh", "-c", by_hand, sudo=True))
        text = hosts_text(site)
        assert [line.strip() for line in text.splitlines() if "drift /" in line] == [
            f"drift {HERE}: has another mode than 750; {FIRST} left it otherwise (no chapter)",
            f"drift {HERE}/plain: has another content; {FIRST} left it otherwise (no chapter)",
            f"drift {HERE}/secret: has another content; {FIRST} left it otherwise (no chapter)",
            f"drift {HERE}/moved: has another owner than root:root; {FIRST} left it otherwise (no chapter)",
            f"drift {HERE}-old: is a file now; {FIRST} left it otherwise (no chapter)"]
        assert "node1: no lock\n  no drift" in text and WORD not in text
        assert "`runbook run --check` shows each difference" in text
        refused = [one for one in undo(journal.entries(), fleet.only("node2"), journal) if one.host == "node2"]
        assert any(isinstance(one.error, UndoRefused) for one in refused), "as the line says"

        fleet["node2"].run(command("rm", "-r", HERE, sudo=True))
        assert f"drift {HERE}/plain: is gone" in hosts_text(site)


def test_of_two_runs_the_later_one_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runbook.preimage.KEPT", str(tmp_path / "kept"))
    shell, file = LocalShell(Notes(), sudo=False), str(tmp_path / "file")
    journals = {}
    for run, text in ((FIRST, "one\n"), (SECOND, "two\n")):
        journals[run] = Journal(tmp_path / run)
        plan = Plan(Step("it differs", (Replace(file, text),), (Restore(file),)))
        perform(plan, shell, journals[run], run=run, check=False)

    def left() -> list[tuple[str, str]]:
        found = left_behind((run, journal.entries()) for run, journal in journals.items())
        return [(one.run, one.mode) for host in found.values() for one in host]

    assert left() == [(SECOND, "644")]
    told = left_behind((run, journal.entries()) for run, journal in journals.items())
    answers = shell.ask(question_about(told[shell.name]))
    assert list(answers.facts.values()) == [()], "nothing has drifted"


@pytest.mark.parametrize(("said", "how"), [
    ("file aa right", ""), ("file bb right", "has another content"), ("absent - right", "is gone"),
    ("link cc right", "is a link now"), ("folder - right", "is a folder now"),
    ("file aa mode", "has another mode than 644"), ("file aa owner", "has another owner than root:root")])
def test_a_difference_is_said_in_words(said: str, how: str) -> None:
    was = Written("/x", FIRST, "05_etcd_mtls", "aa", "644", "root:root")
    found = question_about((was,)).parse(said + "\n")
    assert [one.how for one in found] == ([how] if how else [])
    assert all("05_etcd_mtls" in str(one) for one in found)
