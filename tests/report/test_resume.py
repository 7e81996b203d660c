"""A run that was killed goes on from its journal, and ends as one that never was."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook.entries import Entry, entries
from runbook.errors import ParameterError
from runbook.report.render import page
from runbook.report.resume import KERNEL, asked_again, end_left, remember
from runbook.report.selection import Asked, select
from runbook.report.verification import verify
from runbook.run import RUN_VARIABLE, Run
from runbook.site import load_site
from tests.report.test_chain import alive, chain_process, notebooks, run, until, write_notebook

__all__ = ["notebooks", "run"]  # fixtures

SHORT = ("00_start", "01_abi_inspection", "02_toolchain_build", "03_static_compile")
ONLY = ("--only", ",".join(SHORT), "-p", "02.size=1.10")
WORK = """import pathlib, time
with open({effects!r}, "a") as file: file.write({name!r} + " " + size + chr(10))"""
HELD = """while pathlib.Path({gate!r}).exists(): time.sleep(0.02)"""
FIGURE = """journal.write("verdict", "node2", what="it counts", state="pass", reason="seen",
    figures={"count": {"value": 2.0, "unit": "", "host": "node2", "basis": "emulated"}})"""


class Kills:
    """A short chain whose notebooks leave an effect in a file, and wait at a gate where a kill is to meet them."""

    def __init__(self, folder: Path, notebooks: Path, site_file: Path) -> None:
        self.folder, self.notebooks, self.site_file = folder, notebooks, site_file
        self.effects, self.gate = folder / "effects", folder / "gate"

    def write(self, name: str, *more: str) -> None:
        write_notebook(self.notebooks, name, WORK.format(effects=str(self.effects), name=name), *more)

    def write_all(self) -> None:
        for name in SHORT:
            self.write(name, FIGURE)

    def hold(self, name: str, where: str) -> None:
        """The chapter's notebook waits: in the middle, behind its verdict, or when it has ended."""
        self.gate.touch()
        held = HELD.format(gate=str(self.gate))
        self.write(name, *{"middle": (held, FIGURE), "verdict": (FIGURE, held), "ended": (FIGURE,)}[where])
        if where == "ended":
            path = self.notebooks / f"{name}.ipynb"
            told = json.loads(path.read_text())
            told["cells"].append({**told["cells"][-1], "id": "held", "source": held})
            path.write_text(json.dumps(told))

    def start(self) -> tuple[subprocess.Popen[str], Path]:
        """A new run, when its journal is there."""
        before = set((self.folder / "reports").glob("*/journal.jsonl"))
        process = chain_process(self.notebooks, self.site_file, *ONLY)
        until(lambda: bool(set((self.folder / "reports").glob("*/journal.jsonl")) - before))
        (journal,) = {path for path in (self.folder / "reports").glob("2*/journal.jsonl")} - before
        return process, journal

    def resumed(self, journal: Path) -> str:
        again = chain_process(self.notebooks, self.site_file, "--resume", journal.parent.name)
        said, _ = again.communicate(timeout=90)
        assert again.returncode == 0, said
        return said

    def times(self) -> dict[str, int]:
        lines = [line.split()[0] for line in self.effects.read_text().splitlines()]
        return {name: lines.count(name) for name in SHORT}


@pytest.fixture
def kills(tmp_path: Path, notebooks: Path, site_file: Path) -> Kills:
    found = Kills(tmp_path, notebooks, site_file)
    found.write_all()
    return found


def came_to(folder: Path) -> dict[str, object]:
    """What a summary says that does not depend on when and how often it was tried."""
    told = json.loads((folder / "summary.json").read_text())
    for chapter in told["chapters"]:
        chapter.pop("seconds")
        for verdict in chapter["verdicts"]:
            verdict.pop("journal")
    return {name: value for name, value in told.items() if name not in ("run", "started", "seconds", "journal")}


def first_screen(folder: Path) -> str:
    """The page's proven and not proven, which are the reader's answer."""
    return page(folder).partition('<div class="pair">')[2].partition("</header>")[0]


def kernels(told: tuple[Entry, ...]) -> list[int]:
    return [int(str(one.get("pid"))) for one in told if one.get("about") == KERNEL]


def ended(told: tuple[Entry, ...]) -> set[str]:
    return {str(one.chapter) for one in told
            if one.kind == "chapter" and one.phase == "end" and one.get("state") == "pass"}


@pytest.fixture
def uninterrupted(kills: Kills) -> Path:
    process, journal = kills.start()
    said, _ = process.communicate(timeout=90)
    assert process.returncode == 0, said
    kills.effects.unlink()
    return journal.parent


@pytest.mark.parametrize(
    ("chapter", "where", "with_kernel"),
    [
        ("00_start", "middle", True),
        ("01_abi_inspection", "ended", True),
        ("02_toolchain_build", "verdict", False),  # its kernel outlives the chain
        ("03_static_compile", "ended", True),  # all has passed, the run is not closed
    ],
)
def test_a_chain_killed_anywhere_resumes_to_what_it_would_have_come_to(
    kills: Kills, uninterrupted: Path, chapter: str, where: str, with_kernel: bool
) -> None:
    kills.hold(chapter, where)
    process, journal = kills.start()
    passed_it = where == "ended"

    def there() -> bool:
        told = entries(journal)
        verdicts = [one for one in told if one.kind == "verdict" and one.chapter == chapter]
        reached = len(kernels(told)) == SHORT.index(chapter) + 1 and chapter in kills.effects.read_text()
        return reached and (chapter in ended(told) if passed_it else where == "middle" or bool(verdicts))

    until(lambda: kills.effects.exists() and there())
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    kernel = kernels(entries(journal))[-1]
    if with_kernel:
        os.killpg(kernel, signal.SIGKILL) if alive(kernel) else None
    kills.write_all()
    said = kills.resumed(journal)
    assert not alive(kernel)
    kills.gate.unlink()
    assert came_to(journal.parent) == came_to(uninterrupted)
    assert first_screen(journal.parent) == first_screen(uninterrupted)
    assert kills.times() == {name: 2 if name == chapter and not passed_it else 1 for name in SHORT}, said
    assert "02_toolchain_build 1.10" in kills.effects.read_text(), "its -p is part of what goes on"
    assert verify(journal.parent).ok


@pytest.mark.long
def test_twenty_random_places_of_a_chain_all_resume_alike(kills: Kills, uninterrupted: Path) -> None:
    places = random.Random(6)
    lines = len(entries(uninterrupted / "journal.jsonl"))
    for place in sorted(places.sample(range(2, lines), min(20, lines - 2))):
        kills.effects.unlink(missing_ok=True)
        process, journal = kills.start()
        until(lambda at=place, path=journal: path.read_bytes().count(b"\n") >= at)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
        passed_before = ended(entries(journal))
        before = kills.times() if kills.effects.exists() else dict.fromkeys(SHORT, 0)
        kills.resumed(journal)
        assert came_to(journal.parent) == came_to(uninterrupted), f"killed at line {place}"
        assert all(kills.times()[name] == before[name] for name in passed_before), f"killed at line {place}"


def test_what_was_asked_of_a_run_is_asked_again(run: Run) -> None:
    remember(run, Asked(only=("01", "03"), values=("01.size=1.10",), confirm="sample"))
    again = asked_again(run, Asked(values=("03.size=1.2",)))
    assert again.only == ("01", "03") and again.confirm == ""
    selection = select(again, SHORT[:3])
    assert [title.name for title in selection.titles] == ["03_static_compile"]
    assert selection.values == {"03_static_compile": {"size": "1.2"}}
    assert select(again).values["01_abi_inspection"] == {"size": "1.10"}


def test_a_chapter_that_is_named_now_is_run_although_it_passed(run: Run) -> None:
    remember(run, Asked(only=("01", "03")))
    again = asked_again(run, Asked(only=("01",)))
    assert [title.name for title in select(again, SHORT).titles] == ["01_abi_inspection"]
    remember(run, again)
    assert asked_again(run, Asked()).only == ("01", "03"), "the run is still to come to what it was begun for"


def test_a_check_that_goes_on_stays_a_check(notebooks: Path, site_file: Path) -> None:
    assert asked_again(Run.start(load_site(site_file), check=True), Asked()).check


def test_a_run_that_acts_is_not_resumed_as_a_check(run: Run) -> None:
    with pytest.raises(ParameterError, match="from its start"):
        asked_again(run, Asked(check=True))


@pytest.fixture
def sleeper() -> Callable[..., subprocess.Popen[bytes]]:
    return lambda **more: subprocess.Popen(["sleep", "300"], start_new_session=True, env={**os.environ, **more})


def test_only_what_has_this_run_in_its_environment_is_ended(
    run: Run, sleeper: Callable[..., subprocess.Popen[bytes]]
) -> None:
    own, other = sleeper(**{RUN_VARIABLE: run.name}), sleeper(**{RUN_VARIABLE: "20200101-000000-other"})
    unnamed = sleeper(**{RUN_VARIABLE: run.name})  # of a JupyterLab, say: the journal names no such kernel
    try:
        for process in (own, other):
            run.journal.write("note", about=KERNEL, text="starts", pid=process.pid)
        assert end_left(run) == (own.pid,)
        assert own.wait(10) == -signal.SIGKILL
        assert other.poll() is None and unnamed.poll() is None
    finally:
        for process in (own, other, unnamed):
            process.kill()
            process.wait(10)
