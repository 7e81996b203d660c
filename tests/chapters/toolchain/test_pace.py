"""What the runtime costs is measured many times over, told with its spread, and never without its basis."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runbook.chapter import Chapter
from runbook.chapters.toolchain import door, pace
from runbook.chapters.toolchain.pace import RUNS, WORKS, Pace, Paced, keeps_pace, parse_runs
from runbook.contents import title_of
from runbook.remote.fleet import Fleet
from runbook.run import Run
from runbook.site import Site, load_site
from runbook.targets import load_target, of_machine
from runbook.testbed.bed import Bed
from runbook.verdict import Basis, State

HERE = of_machine(os.uname().machine)


def chapter_of(site_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chapter:
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    run = Run.start(load_site(site_file))
    return Chapter(title_of("02_toolchain_build"), run, Fleet.open(run.site, recorder=run.journal), check=False,
                   confirm="", options={})


def test_lines_are_read_in_the_order_of_the_runs() -> None:
    assert parse_runs("pace start 1.5\nnoise\npace switch 2.0\npace start 3.0\n") == {
        "start": (1.5, 3.0), "switch": (2.0,)}


def test_this_machines_own_is_measured_with_its_spread_and_pictured(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site's one host is this machine, and its target this machine's own."""
    site.file.write_text(site.file.read_text().replace('target = "riscv64"', f'target = "{HERE.name}"'))
    chapter = chapter_of(str(site.file), tmp_path, monkeypatch)
    machine = os.uname().machine
    chapter.run.journal.write("note", host="node1", about="fact", question="uname", fact={"machine": machine})
    measured = chapter.act(pace.paced, chapter.observe(door.found))
    assert measured.own is None and measured.site is not None and not measured.site.why
    assert {work: len(values) for work, values in measured.site.runs.items()} == dict.fromkeys(WORKS, RUNS)
    assert measured.site.spread("stack").mean > measured.site.spread("start").mean
    judged = chapter.verify(pace.keeps_pace, measured).verdicts
    figures = judged.verdicts[0].figures
    assert judged.ok and figures[f"toolchain.pace.{HERE.name}.switch"].value > 1
    assert figures[f"toolchain.pace.{HERE.name}.switch_deviation"].unit == "ns"
    drawn = pace.picture(chapter, measured)
    assert len(drawn.figure.data[0].x) == RUNS * len(WORKS) and "deviation" in drawn.table


def test_on_a_testbed_host_the_targets_is_called_emulated_and_stands_beside_the_native_one(
    bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chapter = chapter_of(str(bed.site_file), tmp_path, monkeypatch)
    measured = chapter.act(pace.paced, chapter.observe(door.found))
    assert str(measured) == "riscv64, emulated: measured\nthis machine's own: measured"
    drawn = pace.picture(chapter, measured)
    assert [trace.name for trace in drawn.figure.data] == ["riscv64, emulated", f"{HERE.name}, native"]
    assert "emulator's speed" in repr(drawn)
    judged = chapter.verify(pace.keeps_pace, measured).verdicts
    assert judged.ok and judged.verdicts[0].figures["toolchain.pace.riscv64.channel"].basis is Basis.EMULATED


def test_a_program_that_fails_or_tells_too_little_is_a_failure_with_its_words() -> None:
    target = load_target("riscv64")
    judged = keeps_pace(None, Pace(target, Paced("node1", "riscv64", Basis.EMULATED, why="ended by SIGSEGV: oh")))
    assert [(one.state, one.reason) for one in judged] == [(State.FAIL, "ended by SIGSEGV: oh")]
    assert [one.state for one in keeps_pace(None, Pace(target, None))] == [State.SKIPPED]
