"""The chain: real kernels and papermill on small notebooks that need no host."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from runbook import contents
from runbook.entries import check
from runbook.journal import Journal
from runbook.remote.command import Script
from runbook.remote.fleet import Fleet
from runbook.report import selection
from runbook.report.approvals import approvals
from runbook.report.chain import Chain
from runbook.report.conduct import Finished, conduct
from runbook.report.interruption import Interruption
from runbook.report.kernel import Kernels, sweep
from runbook.report.progress import Plain
from runbook.report.selection import Asked, select
from runbook.run import REPORTS_VARIABLE, Run
from runbook.site import load_site

PARAMETERS = """site: str = ""  # site
run: str = ""  # run
check: bool = False  # check
only_hosts: list = []  # hosts
confirm: str = ""  # confirm
size: str = "1.9"  # a value that looks like a number
"""
OPEN = """from runbook.run import named
journal = named(run).journal
journal.chapter = {name!r}
begin = journal.begin("chapter", parameters={{"size": size}})"""
VERDICT = """journal.write("verdict", "node1", what="it holds", state={state!r}, reason="seen", figures={{}})
journal.end(begin, state={state!r}, reason={reason!r})"""


EVERYTHING = Asked()


def write_notebook(folder: Path, name: str, *work: str, state: str = "pass", reason: str = "") -> None:
    sources = [OPEN.format(name=name), *work, VERDICT.format(state=state, reason=reason)]
    if state != "pass":
        sources.append(f"raise SystemExit({reason!r})")
    cells = [cell("parameters", PARAMETERS, "parameters")]
    cells += [cell(f"work{number}", source) for number, source in enumerate(sources)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (folder / f"{name}.ipynb").write_text(json.dumps(notebook))


def cell(id: str, source: str, *tags: str) -> dict:
    return {
        "cell_type": "code",
        "id": id,
        "metadata": {"tags": list(tags)},
        "outputs": [],
        "execution_count": None,
        "source": source,
    }


@pytest.fixture
def notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Notebooks that pass, one for each chapter, in the place of the project's own."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for title in contents.CONTENTS:
        write_notebook(folder, title.name)
    monkeypatch.setattr(selection, "NOTEBOOKS", folder)
    monkeypatch.setenv(REPORTS_VARIABLE, str(tmp_path / "reports"))
    return folder


@pytest.fixture
def run(notebooks: Path, tmp_path: Path, site_file: Path) -> Run:
    return Run.start(load_site(site_file))


def go(run: Run, asked: Asked = EVERYTHING) -> Finished:
    return conduct(run, select(asked), Plain())


def states(finished: Finished) -> dict[str, str]:
    return {chapter.name: str(chapter.state) for chapter in finished.summary.chapters}


def test_chapters_run_in_order_in_fresh_kernels_of_the_runs_own_folder(run: Run, notebooks: Path) -> None:
    write_notebook(notebooks, "00_start", "import os; leftover = 1; print(os.getcwd())")
    write_notebook(notebooks, "01_abi_inspection", "assert 'leftover' not in globals()")
    finished = go(run, Asked(only=("00_start", "01_abi_inspection")))
    assert finished.exit_code == 0, finished.summary.reason
    begun = [one.chapter for one in run.entries() if one.kind == "chapter" and one.phase == "begin"]
    assert begun.index("00_start") < begun.index("01_abi_inspection")
    executed = (run.folder / "notebooks" / "00_start.ipynb").read_text()
    assert str(run.folder / "notebooks") in executed
    assert finished.page.exists() and not run.is_open
    assert states(finished)["04_container_deploy"] == "skipped"


def test_a_chapter_that_fails_blocks_those_that_need_it_and_no_others(run: Run, notebooks: Path) -> None:
    write_notebook(notebooks, "04_container_deploy", state="fail", reason="it never got healthy")
    finished = go(run)
    assert states(finished) == dict.fromkeys(states(finished), "pass") | {
        "04_container_deploy": "fail",
        "08_load_test": "blocked",
    }
    blocked = next(one for one in finished.summary.chapters if one.name == "08_load_test")
    assert blocked.reason == "it builds on 04_container_deploy, which failed"
    assert finished.exit_code == 1
    assert "04_container_deploy: it never got healthy" in finished.summary.reason


def test_a_killed_kernel_is_a_failed_chapter_that_says_so(run: Run, notebooks: Path) -> None:
    write_notebook(notebooks, "01_abi_inspection", "import os; os.kill(os.getpid(), 9)")
    finished = go(run)
    assert states(finished)["01_abi_inspection"] == "fail"
    assert "its kernel died" in finished.summary.chapters[1].reason
    assert states(finished)["04_container_deploy"] == "pass"


def test_an_error_before_the_chapter_opens_is_told_with_its_own_words(run: Run, notebooks: Path) -> None:
    source = "from runbook.errors import Blocked\nraise Blocked('no room on node2', next='make room')"
    path = notebooks / "01_abi_inspection.ipynb"
    told = json.loads(path.read_text())
    told["cells"][1]["source"] = source
    path.write_text(json.dumps(told))
    finished = go(run, Asked(only=("01",)))
    assert states(finished)["01_abi_inspection"] == "blocked"
    assert "no room on node2" in finished.summary.chapters[1].reason
    assert finished.exit_code == 3


def test_a_notebook_that_ends_without_record_has_failed(run: Run, notebooks: Path) -> None:
    path = notebooks / "01_abi_inspection.ipynb"
    told = json.loads(path.read_text())
    told["cells"].pop()
    path.write_text(json.dumps(told))
    assert "without `record`" in go(run, Asked(only=("01",))).summary.chapters[1].reason


def test_a_value_of_the_command_line_arrives_with_its_type(run: Run, notebooks: Path) -> None:
    write_notebook(notebooks, "01_abi_inspection", "assert size == '1.10', repr(size)")
    assert go(run, Asked(only=("01",), values=("01.size=1.10",))).exit_code == 0


def test_a_signal_between_two_cells_stops_the_chain(run: Run, notebooks: Path) -> None:
    with Interruption() as interruption:
        interruption.count, interruption.by = 1, "SIGTERM"
        outcomes = Chain(run, select(Asked()), Plain(), interruption).go()
    assert {one.state for one in outcomes} == {"blocked"}


SCRIPT = """
import sys
from pathlib import Path
from runbook.report import selection
from runbook.report.approvals import approvals
selection.NOTEBOOKS = Path(sys.argv[1])
from runbook.__main__ import main
sys.exit(main(sys.argv[2:]))
"""


def chain_process(notebooks: Path, site_file: Path, *more: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", SCRIPT, str(notebooks), "run", "--site", str(site_file), *more]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def until(done: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_closes_the_journal_and_ends_with_130(
    notebooks: Path, site_file: Path, tmp_path: Path, number: signal.Signals
) -> None:
    mark = tmp_path / "pids"
    write_notebook(
        notebooks,
        "01_abi_inspection",
        f"""import os, subprocess, time
child = subprocess.Popen(["sleep", "300"])
open({str(mark)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}\\n")
time.sleep(300)""",
    )
    process = chain_process(notebooks, site_file)
    until(lambda: mark.exists() and mark.read_text().endswith("\n"))
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert not any(alive(int(pid)) for pid in mark.read_text().split())
    folder = (tmp_path / "reports" / "latest").resolve()
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["state"] == "interrupted" and summary["ok"] is False
    told = {chapter["name"]: (chapter["state"], chapter["reason"]) for chapter in summary["chapters"]}
    assert told["01_abi_inspection"] == ("fail", f"interrupted by {number.name}")
    assert told["04_container_deploy"][0] == "blocked"
    assert check(folder / "journal.jsonl", **summary["journal"]).torn == 0
    assert "Interrupted" in (folder / "index.html").read_text()


def test_a_kernel_that_ignores_the_interrupt_is_killed_by_a_second_signal(
    notebooks: Path, site_file: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "pid"
    write_notebook(
        notebooks,
        "01_abi_inspection",
        f"""import os, time
def stubborn():
    while True:
        try:
            open({str(mark)!r}, "w").write(f"{{os.getpid()}}\\n")
            time.sleep(300)
        except KeyboardInterrupt:
            pass
stubborn()""",
    )
    process = chain_process(notebooks, site_file)
    until(lambda: mark.exists() and mark.read_text().endswith("\n"))
    process.send_signal(signal.SIGINT)
    time.sleep(1.0)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert not alive(int(mark.read_text()))


def test_what_a_resumed_run_has_passed_is_not_run_again(notebooks: Path, site_file: Path, tmp_path: Path) -> None:
    write_notebook(notebooks, "03_static_compile", state="fail", reason="a compiler is missing")
    first = chain_process(notebooks, site_file)
    said, _ = first.communicate(timeout=60)
    assert first.returncode == 1, said
    write_notebook(notebooks, "03_static_compile")
    write_notebook(notebooks, "00_start", "raise SystemExit('this was run again')")
    again = chain_process(notebooks, site_file, "--resume", "latest")
    said, _ = again.communicate(timeout=60)
    assert again.returncode == 0, said
    assert "4 chapters: 03_static_compile, 04_container_deploy, 05_etcd_mtls, 08_load_test" in said


def test_the_verdicts_are_written_for_a_ci_server_too(notebooks: Path, site_file: Path, tmp_path: Path) -> None:
    write_notebook(notebooks, "00_start", state="fail", reason="it does not hold")
    junit = tmp_path / "made" / "junit.xml"
    process = chain_process(notebooks, site_file, "--only", "00", "--junit", str(junit))
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1, said
    root = ElementTree.parse(junit).getroot()
    assert [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None] == [
        "the chapter itself", "it holds [node1]"]


def test_the_next_kernel_starts_while_this_one_works() -> None:
    before = threading.active_count()
    with Kernels(Path("/"), {}) as kernels:
        first = kernels.take(another=True)
        until(lambda: kernels._next is not None and kernels._next.done())
        second = kernels.take(another=False)
        assert first.pid != second.pid and alive(first.pid) and alive(second.pid)
        first.stop(), second.stop()
    assert not alive(first.pid) and not alive(second.pid)
    assert threading.active_count() < before + 10 and os.getpid() not in (first.pid, second.pid)


def test_the_folder_of_a_kernel_whose_chain_was_killed_is_gone_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = """import os, tempfile
from pathlib import Path
from runbook.report.kernel import start
print(start(Path("/"), {}).pid, flush=True)
os.kill(os.getpid(), 9)"""
    killed = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=60,
                            env={**os.environ, "TMPDIR": str(tmp_path)})
    os.killpg(int(killed.stdout), signal.SIGKILL)
    (left,) = tmp_path.glob("runbook-kernel-*")
    with Kernels(Path("/"), {}) as kernels:
        assert not left.exists()
        own = kernels.take(another=False)
        assert sweep() == 0, "one that lives is let alone"
        own.stop()
    assert not list(tmp_path.glob("runbook-kernel-*"))


ASLEEP = """from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.site import load_site
fleet = Fleet.open(load_site(site), recorder=journal)
fleet.run(command("sleep", "471.1", limit=500))"""


def test_a_signal_leaves_nothing_running_on_a_host(notebooks: Path, bed: Any, tmp_path: Path) -> None:
    write_notebook(notebooks, "01_abi_inspection", ASLEEP)
    with Journal(tmp_path / "other") as journal, Fleet.open(load_site(bed.site_file), recorder=journal) as fleet:

        def asleep() -> int:
            looking = Script("grep -lzx '[4]71.1' /proc/[0-9]*/cmdline 2>/dev/null | wc -l")
            return sum(int(result.text) for result in fleet.run(looking.command()).values())

        process = chain_process(notebooks, bed.site_file)
        try:
            until(lambda: asleep() >= len(bed.hosts), 60)
        finally:
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=60)
        assert process.returncode == 130, said
        until(lambda: asleep() == 0, 5)


def test_risks_that_were_accepted_are_told_first_and_lapse(notebooks: Path, site_file: Path) -> None:
    site = load_site(site_file)
    (until,) = {one.until for one in site.accepted}
    assert list(approvals(site, until)) == [
        f"etcd-unsupported-architecture: accepted by the owner of the sample until {until}, 0 days from now: "
        "rehearsed for a month"
    ]
    (lapsed,) = approvals(site, until + timedelta(days=1))
    assert f"lapsed after {until}: the risk counts again" in lapsed
    said = io.StringIO()
    conduct(Run.start(site), select(Asked(only=("00",))), Plain(said))
    first, *_ = said.getvalue().splitlines()
    assert first.startswith("etcd-unsupported-architecture: accepted by the owner of the sample until")
