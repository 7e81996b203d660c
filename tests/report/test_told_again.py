"""What a chapter tried is told again by a later run where nothing has changed, and tried anew where anything has."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.report.conduct import Finished, conduct
from runbook.report.progress import Plain
from runbook.report.selection import Asked, select
from runbook.report.verification import verify
from runbook.run import Run
from runbook.site import load_site
from tests.report.test_chain import PARAMETERS, cell, notebooks, write_notebook
from tests.report.test_taken_over import FACT, SITE, reason_of

__all__ = ["notebooks"]  # fixtures

TRIES = "05_etcd_mtls"
CHAPTERS = ("00_start", "02_toolchain_build", "03_static_compile", TRIES)
CELLS = (
    """from runbook import open_chapter
from runbook.claims.judge import Judgement, judges
from runbook.lasting import lasting
from runbook.verdict import Figure, Verdicts, passed, skipped
chapter = open_chapter("05_etcd_mtls", site=site, run=run)

class Evidence:
    def __str__(self): return "seen"

@judges("3.2-b")
def judged(evidence: Evidence) -> Judgement:
    return Judgement(False, "it was tried")

def mark(letter):
    with open({marks!r}, "a") as file: file.write(letter)

@lasting
def drill(chapter):
    mark("d")
    return Verdicts(({verdict}("a killed member comes back", "it is healthy", "here", took=Figure(2.5, "s", "here")),))

def looked(chapter):
    mark("l")
    return Verdicts((passed("members are healthy", "each says so", "here"),))
""",
    "chapter.verify(looked)",
    "chapter.verify(drill)",
    """def gather(chapter):
    mark("e")
    return Evidence()
chapter.judge(chapter.earlier.claims(Evidence) or chapter.observe(gather))""",
    "chapter.record()",
)


class Runs:
    """Runs of 00, 02, 03 and 05 on this machine; 05 leaves a letter for each thing that it tried."""

    def __init__(self, folder: Path, notebooks: Path) -> None:
        self.notebooks, self.site, self.marks = notebooks, folder / "sample.toml", folder / "marks"
        self.site.write_text(SITE)
        write_notebook(notebooks, "00_start", FACT)
        self.write()

    def write(self, verdict: str = "passed", *more: str) -> None:
        sources = [one.replace("{marks!r}", repr(str(self.marks))).replace("{verdict}", verdict) for one in CELLS]
        cells = [cell("parameters", PARAMETERS, "parameters")]
        cells += [cell(f"work{number}", source) for number, source in enumerate([*sources[:-1], *more, sources[-1]])]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        (self.notebooks / f"{TRIES}.ipynb").write_text(json.dumps(notebook))

    def go(self, **more: object) -> Finished:
        selection = select(Asked(**more))  # type: ignore[arg-type]
        titles = tuple(title for title in selection.titles if title.name in CHAPTERS)
        finished = conduct(Run.start(load_site(self.site)), replace(selection, titles=titles), Plain())
        assert finished.exit_code == 0, finished.summary.chapters
        return finished

    @property
    def tried(self) -> str:
        """The letters since it was asked last."""
        letters = self.marks.read_text()
        self.marks.write_text("")
        return letters


@pytest.fixture
def runs(tmp_path: Path, notebooks: Path) -> Runs:
    return Runs(tmp_path, notebooks)


def test_a_drill_and_its_claims_are_told_again_and_what_verifies_is_not(runs: Runs) -> None:
    first = runs.go()
    assert runs.tried == "lde"
    second = runs.go()
    assert runs.tried == "l", "the members are looked at in every run"
    assert reason_of(second, TRIES) == (
        f"what it tries is taken over from {first.run.name}: nothing that it stands on has changed")
    assert second.summary.numbers == first.summary.numbers and "etcd_mtls.took.here" in second.summary.numbers
    claim = next(one for one in second.summary.claims if one.id == "3.2-b")
    assert claim == next(one for one in first.summary.claims if one.id == "3.2-b") and claim.holds is False
    told = [one for one in second.run.entries() if one.chapter == TRIES and one.get("taken_over")]
    assert [one.kind for one in told] == ["verdict", "claim"]
    assert {one.get("taken_over")["run"] for one in told} == {first.run.name}
    assert verify(second.run.folder).ok
    third = runs.go()
    assert runs.tried == "l" and first.run.name in reason_of(third, TRIES), "it is told where it was tried"


def test_it_is_tried_where_somebody_asks_for_it(runs: Runs) -> None:
    runs.go()
    runs.go(afresh=True)
    assert runs.tried == "lde" * 2


CHANGED = """step = chapter.run.journal.begin("step", "here", why="the unit is another one", check=False)
chapter.run.journal.end(step, state="applied", changed=1)"""


@pytest.mark.parametrize("change", [
    lambda runs, first: runs.site.write_text(SITE.replace("service", "load")),
    lambda runs, first: runs.write("passed", "more = 1"),
    lambda runs, first: (first.run.folder / "journal.jsonl").write_text("no journal\n"),
], ids=["site", "notebook", "the journal that has it is damaged"])
def test_it_is_tried_where_its_ground_is_another(runs: Runs, change: Callable[[Runs, Finished], object]) -> None:
    first = runs.go()
    change(runs, first)
    assert not reason_of(runs.go(), TRIES)
    assert runs.tried == "lde" * 2


def test_it_is_tried_on_a_host_that_was_changed_since(runs: Runs) -> None:
    changed = runs.go().run
    assert runs.tried == "lde"
    for chapter, tried in (("08_load_test", "l"), (TRIES, "lde"), ("90_teardown", "lde")):
        changed.journal.chapter = chapter
        step = changed.journal.begin("step", "here", why="the unit is another one", check=False)
        changed.journal.end(step, state="applied", changed=1)
        runs.go()
        assert runs.tried == tried, f"after a change by {chapter}"


def test_it_is_tried_where_this_run_has_changed_a_host_before(runs: Runs) -> None:
    runs.marks.write_text("")
    notebook = json.loads((runs.notebooks / f"{TRIES}.ipynb").read_text())
    change = f"import os\nif os.path.getsize({str(runs.marks)!r}) >= 3:\n    " + CHANGED.replace("\n", "\n    ")
    notebook["cells"].insert(len(CELLS) - 3, cell("change", change))
    (runs.notebooks / f"{TRIES}.ipynb").write_text(json.dumps(notebook))
    runs.go()
    runs.go()
    assert runs.marks.read_text() == "lde" * 2


def test_what_was_skipped_is_tried(runs: Runs) -> None:
    runs.write("skipped")
    runs.go()
    runs.go()
    assert runs.tried == "ldeld", "its claims were judged; the drill was not"
