"""Whatever ends a run in the middle: it is told, the journal is whole, and --resume goes on to the end."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook.entries import check
from runbook.errors import Blocked
from runbook.report.reserve import SIZE, Reserve
from runbook.report.verification import verify
from tests.report.test_chain import SCRIPT, alive, chain_process, notebooks, until, write_notebook

__all__ = ["notebooks"]  # fixtures

ONLY = ("--only", "00,01,02")
MIDDLE = "01_abi_inspection"


def run_to_its_end(notebooks: Path, site_file: Path, *more: str) -> tuple[int, str]:
    process = chain_process(notebooks, site_file, *more)
    said, _ = process.communicate(timeout=100)
    return process.returncode, said


def told_of(reports: Path) -> dict[str, tuple[str, str]]:
    """Of the newest run each chapter's state and reason, once its summary, page and journal are found to be whole."""
    folder = (reports / "latest").resolve()
    summary = json.loads((folder / "summary.json").read_text())
    assert check(folder / "journal.jsonl", **summary["journal"]).torn == 0 and verify(folder).ok
    assert (folder / "index.html").read_text().rstrip().endswith("</html>")
    chapters = {chapter["name"]: (chapter["state"], chapter["reason"]) for chapter in summary["chapters"]}
    return {**chapters, "the run": (summary["state"], summary["reason"])}


def goes_on(notebooks: Path, site_file: Path, reports: Path) -> None:
    """Mended, it ends as a run that nothing came between."""
    write_notebook(notebooks, MIDDLE)
    write_notebook(notebooks, "00_start", "raise SystemExit('this was run again')")
    code, said = run_to_its_end(notebooks, site_file, "--resume", "latest")
    assert code == 0, said
    assert told_of(reports)["the run"][0] == "passed"
    assert {told_of(reports)[name][0] for name in ("00_start", MIDDLE, "02_toolchain_build")} == {"pass"}


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    return tmp_path / "reports"


@pytest.fixture
def small_disk(reports: Path) -> Iterator[Path]:
    """A disk of a run's reserve and 4 MiB, where runs are."""
    if os.geteuid() != 0:
        pytest.skip("a small disk is mounted, and that needs root")
    reports.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE + (4 << 20)}", "tmpfs", reports], check=True)
    try:
        yield reports
    finally:
        subprocess.run(["umount", "-l", reports], check=True)


FILLS = """from pathlib import Path
filler = Path("../artifacts/filler")
try:
    with filler.open("wb", buffering=0) as file:
        while True: file.write(bytes(1 << 16))
except OSError: pass
while True: journal.write("note", about="more", text="x" * 1000)"""


def test_a_disk_that_fills_up_ends_the_run_with_its_summary(
    notebooks: Path, site_file: Path, small_disk: Path
) -> None:
    write_notebook(notebooks, MIDDLE, FILLS)
    code, said = run_to_its_end(notebooks, site_file, *ONLY)
    assert code == 1, said
    told = told_of(small_disk)
    assert told["the run"][0] == "failed" and "No space left on device" in told["the run"][1]
    assert "No space left on device" in said and "make room" in said and "--resume" in said
    (small_disk / "latest" / "artifacts" / "filler").unlink()
    goes_on(notebooks, site_file, small_disk)


def test_a_disk_without_room_for_a_run_is_refused_at_its_start(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(5 << 20))
    with pytest.raises(Blocked, match="No space left") as refused, Reserve(small_disk):
        pass
    assert "prune" in refused.value.next and not (small_disk / ".reserve").exists()


def test_a_cell_that_hangs_is_stopped_at_its_limit_and_named(notebooks: Path, site_file: Path, reports: Path) -> None:
    write_notebook(notebooks, MIDDLE, "import time\ntime.sleep(300)")
    code, said = run_to_its_end(notebooks, site_file, *ONLY, "--cell-seconds", "8")
    assert code == 1, said
    state, reason = told_of(reports)[MIDDLE]
    assert state == "fail" and reason.startswith("its cell `import time` did not end within 8 s")
    assert "next:" in reason and "--resume" in reason and "did not end within" in said
    goes_on(notebooks, site_file, reports)


def test_a_kernel_that_is_killed_is_told_with_its_last_words(notebooks: Path, site_file: Path, reports: Path) -> None:
    write_notebook(notebooks, MIDDLE, "import os\nos.system('echo the last of it >&2')\nos.kill(os.getpid(), 9)")
    code, said = run_to_its_end(notebooks, site_file, *ONLY)
    assert code == 1, said
    state, reason = told_of(reports)[MIDDLE]
    assert state == "fail" and "its kernel died" in reason and reason.endswith("it said: the last of it")
    assert told_of(reports)["02_toolchain_build"][0] == "pass"
    goes_on(notebooks, site_file, reports)


def test_a_terminal_that_is_closed_interrupts_the_run(
    notebooks: Path, site_file: Path, reports: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "pid"
    source = f"import os, time\nopen({str(mark)!r}, 'w').write(f'{{os.getpid()}}\\n')\ntime.sleep(300)"
    write_notebook(notebooks, MIDDLE, source)
    pid, terminal = pty.fork()
    if not pid:
        os.execv(sys.executable, [sys.executable, "-c", SCRIPT, str(notebooks), "run", "--site", str(site_file), *ONLY])
    read_on(terminal, lambda: mark.exists() and mark.read_text().endswith("\n"))
    os.close(terminal)  # Linux sends SIGHUP to the session, and whoever writes gets EIO
    _, ended = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(ended) == 130
    assert not alive(int(mark.read_text()))
    told = told_of(reports)
    assert told["the run"] == ("interrupted", "interrupted by SIGHUP")
    assert told[MIDDLE] == ("fail", "interrupted by SIGHUP")
    goes_on(notebooks, site_file, reports)


def read_on(terminal: int, done: Callable[[], bool]) -> None:
    """Reads what the terminal shows, so that its writer is not held up, until `done` or its end."""

    def over() -> bool:
        if done():
            return True
        try:
            return not os.read(terminal, 4096)
        except OSError:  # nobody has the other end any more
            return True

    until(over, 60)


def test_a_pipe_whose_reader_has_gone_ends_no_run(notebooks: Path, site_file: Path, reports: Path) -> None:
    process = chain_process(notebooks, site_file, *ONLY)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(100) == 0
    assert told_of(reports)["the run"][0] == "passed"
