"""Bad input on a host of the tests' own: what is said, what is left open, and that nothing is left behind."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runbook.entries import check, entries
from runbook.report.selection import NOTEBOOKS
from runbook.site import ROOT
from runbook.testbed.bed import borrowed, down
from runbook.testbed.host import inside
from runbook.testbed.layout import Layout
from tests.report.test_chain import cell

SITE = """\
schema = 1
name = "faultbed"
target = "riscv64"
protected = false

[ssh]
key = "file:{cache}/id_ed25519"
known_hosts = "{cache}/known_hosts"
connect_seconds = 3

[[host]]
name = "lone"
address = "198.18.8.11"
roles = ["service"]
  [host.bmc]
  address = "198.18.8.111"
  password = "file:{cache}/bmc_password"
"""
FILE = "/etc/runbook-bad-input"
PARAMETERS = '''site: str = ""  # site
run: str = ""  # run
check: bool = False  # check
only_hosts: list = []  # hosts
confirm: str = ""  # confirm
'''
OPEN = '''from runbook import open_chapter
from runbook.plan import Plan, Replace, Restore, Run, Step
from runbook.remote.command import Script
from runbook.remote.question import Question
chapter = open_chapter("01_abi_inspection", site=site, run=run, check=check, only_hosts=only_hosts, confirm=confirm)'''
DECIDE = '''seen = chapter.observe(Question(Script("id -un"), str, "who"))
step = Step("the file is another one", (Replace({file!r}, "new\\n"), Run({words}, limit={limit})), (Restore({file!r}),))
plans = chapter.decide(lambda seen: Plan(step), seen)'''
SCRIPT = """
import sys
from pathlib import Path
from runbook.report import selection
selection.NOTEBOOKS = Path(sys.argv[1])
from runbook.__main__ import main
sys.argv[1:] = sys.argv[2:]
sys.exit(main())
"""


@dataclass(frozen=True)
class Said:
    """One call of the command line: exit code and all that it said."""

    code: int
    text: str


@dataclass(frozen=True)
class Place:
    """A site of one standing host, notebooks that may be exchanged, and a folder of reports."""

    layout: Layout
    site: Path
    folder: Path

    def start(self, *words: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "RUNBOOK_REPORTS": str(self.folder / "reports")}
        environment.pop("RUNBOOK_RUN", None)
        return subprocess.Popen([sys.executable, "-c", SCRIPT, str(self.folder / "notebooks"), *words], cwd=ROOT,
                                env=environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    def runbook(self, *words: str) -> Said:
        process = self.start(*words)
        text, _ = process.communicate(timeout=120)
        return Said(process.returncode, text)

    def run(self, *words: str) -> Said:
        return self.runbook("run", "--site", str(self.site), "--only", "01_abi_inspection", *words)

    def on_host(self, script: str) -> str:
        """What a shell on the host says, past SSH and sudo."""
        place = self.layout.place("lone")
        done = subprocess.run(inside(place, "sh", "-c", script), capture_output=True, text=True, timeout=30, check=True)
        return done.stdout

    def runs(self) -> list[Path]:
        return sorted(path.parent for path in (self.folder / "reports").glob("2*/journal.jsonl"))

    def second_chapter(self, words: str, limit: float = 60.0) -> None:
        """Chapter 01 of these tests: it writes a file, then runs the words."""
        sources = [OPEN, DECIDE.format(file=FILE, words=words, limit=limit), "chapter.act(plans)", "chapter.record()"]
        cells = [cell("parameters", PARAMETERS, "parameters")]
        cells += [cell(f"work{number}", source) for number, source in enumerate(sources)]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        (self.folder / "notebooks" / "01_abi_inspection.ipynb").write_text(json.dumps(notebook))


def chapters(folder: Path) -> dict[str, tuple[str, str]]:
    summary = json.loads((folder / "summary.json").read_text())
    return {one["name"]: (one["state"], one["reason"]) for one in summary["chapters"]}


def until(done: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layout]:
    """A bed of one host, 198.18.8.0/24; one session at a time has it."""
    if os.geteuid() != 0:
        pytest.skip("the testbed needs root: namespaces, mounts and a bridge are made")
    file = tmp_path_factory.mktemp("faultbed") / "faultbed.toml"
    file.write_text(SITE.format(cache=ROOT / ".cache" / "testbed" / "faultbed"))
    with open(Path(tempfile.gettempdir(), "runbook-faultbed.lock"), "w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        down(file)  # a session that was killed may have left one
        with borrowed(file) as bed:
            yield bed.layout


@pytest.fixture
def place(standing: Layout, tmp_path: Path) -> Iterator[Place]:
    shutil.copytree(NOTEBOOKS, tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    site = tmp_path / "faultbed.toml"
    site.write_text(standing.site_file.read_text())
    place = Place(standing, site, tmp_path)
    place.on_host(f"rm -rf {FILE} /var/lib/runbook")  # of a test that failed
    yield place
    assert place.on_host(f"ls -d {FILE} /var/lib/runbook 2>/dev/null || :") == "", "the host is as it was"


def asleep(place: Place) -> bool:
    return bool(place.on_host("grep -lzx '[4]71.7' /proc/[0-9]*/cmdline 2>/dev/null || :"))


def test_one_run_at_a_time_and_an_interrupt_that_can_be_taken_back(place: Place) -> None:
    """Real chain, real host: a second run, an undo of the first while it works, SIGINT, then the undo."""
    place.second_chapter('"sleep", "471.7"', 300)
    first = place.start("run", "--site", str(place.site), "--only", "01_abi_inspection")
    try:
        until(lambda: first.poll() is not None or asleep(place))
        (folder,) = place.runs()

        second = place.run()
        assert second.code == 3, second.text
        assert f"another run changes this host: {folder.name} of " in second.text and "sudo rm" in second.text
        (other,) = set(place.runs()) - {folder}
        assert chapters(other)["01_abi_inspection"][0] == "blocked"

        for words in (("undo", folder.name), ("run", "--site", str(place.site), "--resume", folder.name)):
            refused = place.runbook(*words)
            assert refused.code == 3 and "works in it" in refused.text and "@" in refused.text, refused.text
    finally:
        first.send_signal(signal.SIGINT)
        said, _ = first.communicate(timeout=60)
    assert first.returncode == 130, said
    assert not asleep(place) and place.on_host("cat /var/lib/runbook/lock 2>/dev/null || :") == ""
    assert chapters(folder)["01_abi_inspection"] == ("fail", "interrupted by SIGINT")
    told = entries(folder / "journal.jsonl")
    assert {one.seq for one in told if one.phase == "begin"} == {one.begin for one in told if one.phase == "end"}
    assert place.on_host(f"cat {FILE}") == "new\n"

    undone = place.runbook("undo", str(folder))
    assert undone.code == 0, undone.text
    assert chapters(folder)["90_teardown"][0] == "pass" and chapters(folder)["01_abi_inspection"][0] == "fail"


@pytest.mark.parametrize(
    ("words", "limit", "says"),
    [
        ('"sleep", "471.7"', 1, "lone: sudo sleep 471.7: no end within 1 s; it was stopped"),
        ('"ls", "/nowhere"', 60, "lone: sudo ls /nowhere: exit 2 after"),
        ('"sh", "-c", "kill -s SEGV $$"', 60, "killed by signal 11 (SIGSEGV)"),
    ],
)
def test_a_command_that_hangs_fails_or_dies_fails_its_chapter_and_is_taken_back(
    place: Place, words: str, limit: float, says: str
) -> None:
    place.second_chapter(words, limit)
    ended = place.run()
    assert ended.code == 1 and says in ended.text, ended.text
    state, reason = chapters(place.runs()[0])["01_abi_inspection"]
    assert state == "fail" and says in reason and "next:" in reason and "what it had done was taken back" in reason
    assert not asleep(place)


def test_a_user_without_sudo_blocks_with_the_line_that_mends_it(place: Place) -> None:
    place.on_host("cp -p /etc/sudoers /etc/sudoers.kept && sed -i '/^operator/d' /etc/sudoers")
    try:
        ended = place.run()
    finally:
        place.on_host("mv /etc/sudoers.kept /etc/sudoers")
    assert ended.code in (1, 3) and "sudo" in ended.text, ended.text
    state, reason = chapters(place.runs()[0])["00_start"]
    assert state in ("fail", "blocked") and "lone" in reason and "/etc/sudoers.d" in reason, reason


def test_every_host_that_cannot_be_reached_is_named_within_the_sites_limit(place: Place) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    site = place.site.read_text()
    others = [("nameless", "no-such-host.invalid", ""), ("closed", "127.0.0.1", "port = 1\n"),
              ("silent", "127.0.0.1", f"port = {port}\n")]
    for name, address, more in others:
        site += f'\n[[host]]\nname = "{name}"\naddress = "{address}"\nroles = ["service"]\n{more}'
    place.site.write_text(site.replace("[[host]]\n", f'[[host]]\nhost_key = "SHA256:{"A" * 43}"\n', 1))
    with silent:
        started = time.monotonic()
        ended = place.runbook("run", "--site", str(place.site), "--only", "00_start")
    assert ended.code == 3, ended.text
    assert time.monotonic() - started < 60
    reason = chapters(place.runs()[0])["00_start"][1]
    for host, why in (("nameless", "does not resolve"), ("closed", "nobody listens"), ("silent", "within 3 s"),
                      ("lone", "its host key is another one")):
        assert any(host in line and why in line for line in reason.splitlines()), (host, reason)


def test_a_damaged_journal_is_named_at_its_line_and_a_torn_one_goes_on(place: Place) -> None:
    place.second_chapter('"true"')
    again = ("run", "--site", str(place.site), "--resume", "latest", "--only", "00_start")
    assert place.runbook("run", "--site", str(place.site), "--only", "00_start").code == 0
    (folder,) = place.runs()
    journal = folder / "journal.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"seq":')
    torn = place.runbook(*again)
    assert torn.code == 0, torn.text
    assert [one["bytes"] for one in entries(journal) if one.get("about") == "torn"] == [7]
    assert check(journal).torn == 0

    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:4], lines[4].replace(b'"', b"'", 1), *lines[5:]]))
    kept = journal.read_bytes()
    for words in (again, ("undo", "latest"), ("status", "latest"), ("verify", "latest")):
        damaged = place.runbook(*words)
        assert damaged.code == 1 and f"{journal}:5" in damaged.text and "next:" in damaged.text, damaged.text
    assert journal.read_bytes() == kept
