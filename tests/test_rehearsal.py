"""The whole chain on the testbed, once: what a check, a run, a second run and an undo leave behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook.chapters.containers.wanted import unit_of
from runbook.contents import chain
from runbook.entries import check, entries
from runbook.remote import lock
from runbook.remote.command import Script, command
from runbook.remote.fleet import Fleet
from runbook.remote.question import Question
from runbook.remote.unrecorded import Unrecorded
from runbook.site import ROOT, load_site
from runbook.testbed.bed import Bed
from runbook.testbed.host import first_process
from tests.report.conftest import MOST_BYTES
from tests.sought import Sought
from tests.watch import Watch, watching

pytestmark = pytest.mark.timeout(900)  # the first of these tests waits for the whole story
DEPLOY = "04_container_deploy"
ANOTHER = "20260101-000000-another"
SHORT = ("-p", "08.repeats=1", "-p", "08.seconds=1")
"""Of the load one short turn will do here; the notebooks' own test sends all of it."""

CANARY, UNITS, CONTROL = (f"{uuid.uuid4().hex}/+" for _ in range(3))
"""In this process's environment; in a unit that is on a host before; in the words of a process there."""

OLD_UNIT = f"""[Service]
Environment=OLD_DATABASE_PASSWORD={UNITS}
ExecStart=/bin/sleep 600
"""
UNIT = f"/etc/systemd/system/{unit_of('users')}"
PLANT = Script('cat >"$1" && systemctl daemon-reload', (UNIT,), sudo=True)
TAKE_AWAY = Script('rm -- "$1" && systemctl daemon-reload', (UNIT,), sudo=True)
GIVEN = "/run/runbook-users/given/"  # what the service's container has of it, gone with the service
PRIVATE_KEY = re.compile("-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.S)
KEYS = Script("cat /etc/etcd/pki/*.key /etc/users/etcd/*.key", sudo=True)

# What lies on a host, but for what its own services write by themselves: a blob that containerd keeps counts, not the
# folders and the index that it makes at its first image; the tools for accounts keep what was before as `/etc/passwd-`
# and its like.
STATE: Question[str] = Question(Script(r"""
cd /
set -- etc opt usr/local/bin usr/local/lib home root srv tmp var/lib/runbook var/lib/etcd var/lib/containerd
find "$@" -xdev \( -path 'tmp/systemd-private-*' -o -name .sudo_as_admin_successful \) -prune \
    -o ! -path 'etc/*-' ! -path 'var/lib/containerd/*/metadata.db' -printf '%y %m %U:%G %p %l\n' 2>/dev/null |
    grep -v '^d .* var/lib/containerd/' | sort
echo '== contents'; find etc opt home root -xdev -type f ! -path 'etc/*-' -print0 | sort -z | xargs -0 sha256sum
echo '== units'; systemctl list-unit-files --no-legend --no-pager | sort
echo '== running'; systemctl list-units --state=running,failed --plain --no-legend --no-pager --type=service |
    cut -d' ' -f1 | grep -v '^user@\|^systemd-' | sort
echo '== users'; getent passwd | sort
""", sudo=True, limit=60), str, "state")


def state_of(bed: Bed) -> dict[str, str]:
    with Fleet.open(load_site(bed.site_file), recorder=Unrecorded()) as fleet:
        return fleet.ask(STATE).of(STATE)


@dataclass(frozen=True)
class Ended:
    """One call of the command line: exit code, what it printed, and the newest run's folder and summary after it."""

    code: int
    said: str
    folder: Path
    summary: dict[str, Any]

    @property
    def changes(self) -> int:
        return sum(count for chapter in self.summary["chapters"] for count in chapter["changes"].values())

    def chapter(self, name: str) -> dict[str, Any]:
        return next(chapter for chapter in self.summary["chapters"] if chapter["name"] == name)


@dataclass(frozen=True)
class Rehearsed:
    """The states of the hosts between the calls, and the calls; `reports` is all that they left."""

    before: dict[str, str]
    checked: Ended
    after_check: dict[str, str]
    locked_out: Ended
    first: Ended
    second: Ended
    undone: Ended
    verified: Ended
    status: Ended
    locks_left: list[str]
    after: dict[str, str]
    reports: Path
    watch: Watch
    sought: Sought
    on_hosts: dict[str, dict[str, set[str]]]


def runbook(reports: Path, *words: str) -> Ended:
    environment = {**os.environ, "RUNBOOK_REPORTS": str(reports), "RUNBOOK_CANARY": CANARY}
    environment.pop("RUNBOOK_RUN", None)
    done = subprocess.run([sys.executable, "-m", "runbook", *words], cwd=ROOT, env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, stdin=subprocess.DEVNULL)
    folder = (reports / "latest").resolve()
    summary = json.loads((folder / "summary.json").read_text())
    return Ended(done.returncode, done.stdout, folder, summary)


@pytest.fixture(scope="module")
def rehearsed(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    """A check; a run that another's lock keeps from changing anything, resumed; a second run; an undo."""
    reports = tmp_path_factory.mktemp("reports")
    site = ("run", "--site", str(bed.site_file), *SHORT)
    with ExitStack() as stack:
        fleet = stack.enter_context(Fleet.open(load_site(bed.site_file), recorder=Unrecorded()))
        fleet["node3"].run(PLANT.command(stdin=OLD_UNIT.encode()))
        stack.callback(lambda: fleet["node3"].run(TAKE_AWAY.command()))
        watch = stack.enter_context(watching([first_process(place) for place in bed.hosts]))
        before = state_of(bed)
        checked = runbook(reports, *site, "--check")
        after_check = state_of(bed)
        lock.take(fleet["node2"], ANOTHER, "somebody else", seconds=600)
        try:
            locked_out = runbook(reports, *site)
        finally:
            lock.release(fleet["node2"], ANOTHER)
        first = runbook(reports, *site, "--resume", "latest")
        second = runbook(reports, *site)
        fleet["node1"].run(command("sh", "-c", "sleep 1", "sh", CONTROL))
        sought = Sought(secrets_of(fleet))
        on_hosts = {place.name: held_by(Path(f"/proc/{first_process(place)}/root"), sought) for place in bed.hosts}
        undone = runbook(reports, "undo", first.folder.name)
        left = [name for name, seen in fleet.ask(lock.LOCK).of(lock.LOCK).items() if seen]
        after = state_of(bed)
    verified, status = (runbook(reports, verb, first.folder.name) for verb in ("verify", "status"))
    yield Rehearsed(before, checked, after_check, locked_out, first, second, undone, verified, status, left,
                    after, reports, watch, sought, on_hosts)


def secrets_of(fleet: Fleet) -> dict[str, str]:
    """What nothing may tell, by a name for each: the canaries, the site's own, and the keys that a run makes."""
    found = {"environment": CANARY, "unit": UNITS, "control": CONTROL}
    keys = ROOT / ".cache" / "testbed" / "testbed"
    found["bmc_password"] = (keys / "bmc_password").read_text().strip()
    found["id_ed25519"] = "\n".join((keys / "id_ed25519").read_text().splitlines()[2:-1])  # the first is every key's
    for result in fleet.run(KEYS.command()).values():
        for number, key in enumerate(PRIVATE_KEY.findall(result.text)):  # its third line is the public half
            found[f"key {number} of {result.host}"] = "\n".join(key.splitlines()[1:3])
    return found


def held_by(root: Path, sought: Sought) -> dict[str, set[str]]:
    """Which files of a host hold which secrets."""
    tops = ("etc", "home", "root", "tmp", "var/tmp", "var/lib/runbook", "var/log", "run", "opt", "srv")
    found, _ = sought.in_files(*(root / top for top in tops))
    return {f"/{path.relative_to(root)}": held for path, held in found.items()}


def test_a_check_run_changes_nothing_on_the_hosts(rehearsed: Rehearsed) -> None:
    assert rehearsed.checked.code == 0, rehearsed.checked.said
    assert rehearsed.after_check == rehearsed.before
    assert rehearsed.checked.summary["mode"] == "check" and rehearsed.checked.changes == 0


def test_two_runs_on_one_site_at_once_are_told_apart(rehearsed: Rehearsed) -> None:
    out = rehearsed.locked_out
    assert out.code == 3, out.said
    assert out.chapter(DEPLOY)["state"] == "blocked"
    assert ANOTHER in out.chapter(DEPLOY)["reason"] and "node2" in out.chapter(DEPLOY)["reason"]
    assert out.changes == 0


def test_a_resumed_run_goes_on_where_it_was_blocked(rehearsed: Rehearsed) -> None:
    first, out = rehearsed.first, rehearsed.locked_out
    assert first.code == 0, first.said
    assert first.folder == out.folder
    left = [chapter["name"] for chapter in out.summary["chapters"] if chapter["state"] != "pass"]
    assert left[0] == DEPLOY and f"{len(left)} chapters: {', '.join(left)}" in first.said


def test_a_run_passes_every_chapter(rehearsed: Rehearsed) -> None:
    states = {chapter["name"]: chapter["state"] for chapter in rehearsed.first.summary["chapters"]}
    assert states == {title.name: "pass" for title in chain()}
    assert min(rehearsed.first.chapter(DEPLOY)["changes"].values()) > 0


def test_a_second_run_changes_nothing(rehearsed: Rehearsed) -> None:
    assert rehearsed.second.code == 0, rehearsed.second.said
    assert rehearsed.second.folder != rehearsed.first.folder
    assert rehearsed.second.changes == 0
    assert set(rehearsed.second.chapter(DEPLOY)["changes"]) == {"node1", "node2", "node3"}


def test_every_chapters_notebook_is_executed_beside_the_report(rehearsed: Rehearsed) -> None:
    second = rehearsed.second
    for chapter in second.summary["chapters"]:
        notebook = json.loads((second.folder / "notebooks" / f"{chapter['name']}.ipynb").read_text())
        counts = [cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
        assert counts and None not in counts


def test_undo_says_that_nothing_stands_and_the_run_still_verifies(rehearsed: Rehearsed) -> None:
    assert "nothing of it stands on a host" in rehearsed.status.said
    assert rehearsed.locks_left == []
    verified = rehearsed.verified.said
    assert "the chain holds" in verified and "all as the journal has them" in verified


def test_undo_leaves_the_hosts_as_they_were(rehearsed: Rehearsed) -> None:
    assert rehearsed.undone.code == 0, rehearsed.undone.said
    for host, before in rehearsed.before.items():
        changed = set(rehearsed.after[host].splitlines()) ^ set(before.splitlines())
        assert not changed, (host, sorted(changed))


def test_the_journal_holds_and_every_begin_has_its_end(rehearsed: Rehearsed) -> None:
    path = rehearsed.first.folder / "journal.jsonl"
    seen = check(path)
    assert seen.torn == 0 and seen.lines > 100
    begun = {entry.seq for entry in entries(path) if entry.phase == "begin"}
    ended = {entry.begin for entry in entries(path) if entry.phase == "end"}
    assert begun == ended


def test_what_was_measured_under_emulation_says_so(rehearsed: Rehearsed) -> None:
    figures = [figure for verdict in rehearsed.first.chapter(DEPLOY)["verdicts"]
               for figure in verdict["figures"].values()]
    assert figures and {figure["basis"] for figure in figures if figure["unit"] in ("bytes", "s")} == {"emulated"}
    loaded = rehearsed.first.summary["numbers"]["load.gin_default.node1"]
    assert loaded["basis"] == "emulated" and loaded["value"] > 0


def test_the_report_names_what_was_skipped_and_why(rehearsed: Rehearsed) -> None:
    text = (rehearsed.first.folder / "index.html").read_text()
    assert len(text.encode()) <= MOST_BYTES
    assert "what runs there is emulated" in text and '<span class="basis">emulated</span>' in text
    for word in ("Passed", "node3", "what runs is what was built", "taken back"):
        assert word in text


def test_no_secret_is_in_what_runs_leave_and_print(rehearsed: Rehearsed) -> None:
    """Canaries: the site's key and password, this process's environment, a host's own unit, and all keys made by it."""
    found, count = rehearsed.sought.in_files(rehearsed.reports, leave_out=["authorities"])
    assert found == {} and count > 60, (found, count)
    for ended in (rehearsed.checked, rehearsed.first, rehearsed.second, rehearsed.undone, rehearsed.status):
        assert rehearsed.sought.held(ended.said.encode()) == set()
    for folder in rehearsed.reports.glob("*/authorities"):
        assert all(path.stat().st_mode & 0o077 == 0 for path in (folder, *folder.glob("*.key")))
    shown = (rehearsed.first.folder / "index.html").read_text()
    assert "OLD_DATABASE_PASSWORD=***" in shown, "the unit that was there is in the difference, less its secret"


def test_no_secret_is_in_a_process_or_a_temporary_file_of_a_host(rehearsed: Rehearsed) -> None:
    watch, sought = rehearsed.watch, rehearsed.sought
    assert sought.held(b"\0".join(watch.lines)) == {"control"}, "only what was planted there"
    assert sought.held(b"\0".join(watch.environments)) == set()
    held = {name: found for (name, _, _), data in watch.files.items()
            if (found := sought.held(data)) and GIVEN not in name}
    assert held == {} and watch.looks > 20 and len(watch.files) > 20


def test_no_secret_of_the_site_is_on_a_host_and_keys_are_where_they_belong(rehearsed: Rehearsed) -> None:
    kept = rf"{re.escape(UNIT)}|/var/lib/runbook/.*"
    belong = re.compile(rf"/etc/(etcd/pki|users/etcd)/[a-z]+\.key|{GIVEN}client\.key|{kept}")
    for host, held in rehearsed.on_hosts.items():
        astray = {path: names for path, names in held.items() if not belong.fullmatch(path)}
        assert held and not astray, (host, astray)
        assert not {name for names in held.values() for name in names} & {"id_ed25519", "bmc_password", "environment"}
