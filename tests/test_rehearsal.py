"""The whole chain on the testbed, once: what a check, a run, a second run and an undo leave behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runbook.contents import chain
from runbook.entries import check, entries
from runbook.remote.command import Script
from runbook.remote.fleet import Fleet
from runbook.remote.question import Question
from runbook.remote.secret import spellings
from runbook.site import ROOT, load_site
from runbook.testbed.bed import Bed

pytestmark = pytest.mark.timeout(900)
CANARY = "canary-7Qd0vK/zr+unreported"

# What lies on a host, but for what its own services write by themselves.
STATE: Question[str] = Question(Script(r"""
cd /
set -- etc opt usr/local/bin usr/local/lib home root srv tmp var/lib/runbook var/lib/etcd var/lib/containerd
find "$@" -xdev \( -path 'tmp/systemd-private-*' -o -name .sudo_as_admin_successful \) -prune \
    -o -printf '%y %m %U:%G %p %l\n' 2>/dev/null | sort
echo '== contents'; find etc opt home root -xdev -type f -print0 | sort -z | xargs -0 sha256sum
echo '== units'; systemctl list-unit-files --no-legend --no-pager | sort
echo '== running'; systemctl list-units --state=running,failed --plain --no-legend --no-pager --type=service |
    cut -d' ' -f1 | grep -v '^user@\|^systemd-' | sort
echo '== users'; getent passwd | sort
""", sudo=True, limit=60), str, "state")


class Unrecorded:
    def begin(self, kind: str, host: str | None = None, **fields: object) -> int:
        return 0

    def end(self, begin: int, **fields: object) -> int:
        return 0


def state_of(bed: Bed) -> dict[str, str]:
    with Fleet.open(load_site(bed.site_file), recorder=Unrecorded()) as fleet:
        return fleet.ask(STATE).of(STATE)


@dataclass(frozen=True)
class Ended:
    """One call of the command line: exit code, what it printed, and the run's folder."""

    code: int
    said: str
    folder: Path

    @property
    def summary(self) -> dict:
        return json.loads((self.folder / "summary.json").read_text())

    @property
    def changes(self) -> int:
        return sum(count for chapter in self.summary["chapters"] for count in chapter["changes"].values())


@dataclass(frozen=True)
class Rehearsed:
    """The states of the hosts between the calls, and the calls."""

    before: dict[str, str]
    checked: Ended
    after_check: dict[str, str]
    first: Ended
    second: Ended
    undone: Ended
    after: dict[str, str]
    reports: Path


def runbook(reports: Path, *words: str) -> Ended:
    environment = {**os.environ, "RUNBOOK_REPORTS": str(reports), "RUNBOOK_CANARY": CANARY}
    environment.pop("RUNBOOK_RUN", None)
    done = subprocess.run([sys.executable, "-m", "runbook", *words], cwd=ROOT, env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, stdin=subprocess.DEVNULL)
    return Ended(done.returncode, done.stdout, (reports / "latest").resolve())


@pytest.fixture(scope="module")
def rehearsed(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    reports = tmp_path_factory.mktemp("reports")
    site = ("run", "--site", str(bed.site_file))
    before = state_of(bed)
    checked = runbook(reports, *site, "--check")
    after_check = state_of(bed)
    first = runbook(reports, *site)
    second = runbook(reports, *site)
    undone = runbook(reports, "undo", first.folder.name)
    yield Rehearsed(before, checked, after_check, first, second, undone, state_of(bed), reports)


def test_a_check_run_changes_nothing_on_the_hosts(rehearsed: Rehearsed) -> None:
    assert rehearsed.checked.code == 0, rehearsed.checked.said
    assert rehearsed.after_check == rehearsed.before
    assert rehearsed.checked.summary["mode"] == "check" and rehearsed.checked.changes == 0


def test_a_run_passes_every_chapter(rehearsed: Rehearsed) -> None:
    assert rehearsed.first.code == 0, rehearsed.first.said
    states = {chapter["name"]: chapter["state"] for chapter in rehearsed.first.summary["chapters"]}
    assert states == {title.name: "pass" for title in chain()}
    assert rehearsed.first.changes > 0


def test_a_second_run_changes_nothing(rehearsed: Rehearsed) -> None:
    assert rehearsed.second.code == 0, rehearsed.second.said
    assert rehearsed.second.changes == 0


def test_undo_leaves_the_hosts_as_they_were(rehearsed: Rehearsed) -> None:
    assert rehearsed.undone.code == 0, rehearsed.undone.said
    for host, before in rehearsed.before.items():
        assert rehearsed.after[host].splitlines() == before.splitlines(), host


def test_the_journal_holds_and_every_begin_has_its_end(rehearsed: Rehearsed) -> None:
    path = rehearsed.first.folder / "journal.jsonl"
    seen = check(path)
    assert seen.torn == 0 and seen.lines > 100
    begun = {entry.seq for entry in entries(path) if entry.phase == "begin"}
    ended = {entry.begin for entry in entries(path) if entry.phase == "end"}
    assert begun == ended


def test_what_was_measured_under_emulation_says_so(rehearsed: Rehearsed) -> None:
    figures = [figure for chapter in rehearsed.first.summary["chapters"] for verdict in chapter["verdicts"]
               for name, figure in verdict["figures"].items() if chapter["name"] == "04_container_deploy"]
    assert figures and {figure["basis"] for figure in figures if figure["unit"] in ("bytes", "s")} == {"emulated"}


def test_the_report_names_what_was_skipped_and_why(rehearsed: Rehearsed) -> None:
    text = (rehearsed.first.folder / "index.html").read_text()
    assert "emulated" in text and "what runs there is emulated" in text


def test_no_secret_of_the_site_is_in_what_a_run_leaves(rehearsed: Rehearsed, bed: Bed) -> None:
    """The site's own secrets are canaries: the operator's private key and the BMC's password."""
    folder = ROOT / ".cache" / "testbed" / "testbed"
    secrets = [CANARY, (folder / "bmc_password").read_text().strip(), (folder / "id_ed25519").read_text().strip()]
    wanted = {spelling.encode() for secret in secrets for spelling in spellings(secret) if len(spelling) > 7}
    looked_at = 0
    for path in rehearsed.reports.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            looked_at += 1
            assert not [spelling for spelling in wanted if spelling in data], path
    assert looked_at > 20
