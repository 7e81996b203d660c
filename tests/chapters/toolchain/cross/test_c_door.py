"""The chapter on a site that names a recipe, and on one that does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runbook.chapter import Chapter
from runbook.chapters.toolchain import door as chapters
from runbook.chapters.toolchain.cross import door
from runbook.chapters.toolchain.cross.cgo import CgoRun, CgoTrial
from runbook.chapters.toolchain.cross.cxx import CxxRun
from runbook.chapters.toolchain.cross.passport import CPassport
from runbook.contents import title_of
from runbook.errors import Blocked, BuildFailed, ChapterStopped, UsageError
from runbook.remote.fleet import Fleet
from runbook.run import Run
from runbook.site import Site, load_site
from runbook.verdict import Basis, State
from tests.chapters.toolchain.cross import tiny

Opened = Callable[..., Chapter]


@pytest.fixture
def opened(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """The chapter of a new run; with a recipe, the site names it."""
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))

    def open_it(recipe: Path | None = None, target: str = "riscv64", check: bool = False) -> Chapter:
        text = site.file.read_text().replace('target = "riscv64"', f'target = "{target}"')
        if recipe is not None:
            text = text.replace("[toolchain]", f'[toolchain]\nc = "{recipe}"')
        site.file.write_text(text)
        run = Run.start(load_site(str(site.file)))
        fleet = Fleet.open(run.site, recorder=run.journal)
        return Chapter(title_of("02_toolchain_build"), run, fleet, check=check, confirm="", options={})

    return open_it


def made(chapter: Chapter, stop_after: str = "") -> door.CToolchain:
    plan = chapter.decide(door.planned, chapter.observe(door.looked), stop_after)
    return chapter.act(door.made, plan, stop_after)


NOT_TRIED = CgoTrial("riscv64", why="not tried")


def test_a_site_with_a_recipe_gets_its_toolchain_built_judged_and_its_passport_kept(
    opened: Opened, recipe_file: Path
) -> None:
    chapter = opened(recipe_file)
    c = made(chapter)
    assert str(c) == "a C toolchain for riscv64, built in 5 stages"
    judged = chapter.verify(door.works, c, NOT_TRIED)
    assert [one.state for one in judged.verdicts] == [State.PASS] * 6 + [State.SKIPPED]
    assert judged.verdicts.verdicts[4].figures["toolchain.stage.glibc.seconds"].unit == "s"
    assert 'way = "stages"' in chapter.artifact(door.PASSPORT).path.read_text()
    assert door.built_from(chapter) == ("binutils", "linux", "gcc", "glibc", "gcc")
    port = chapters.port(chapter, chapter.observe(chapters.found))
    assert "2.4-c holds" in str(chapter.judge(port)).splitlines()


def test_a_site_without_one_gets_the_distributions_recorded(opened: Opened) -> None:
    tiny.needs_the_cross_compiler()
    chapter = opened()
    c = made(chapter)
    assert isinstance(c.passport, CPassport) and str(c).endswith("as the distribution packages it")
    assert door.built_from(chapter) == ()
    trial = CgoTrial("riscv64", "node1", Basis.EMULATED, (
        CgoRun("static", "", "cgo linux/riscv64 glibc 2.36"), CgoRun("dynamic", "/lib/ld.so", "", "exit 1: it broke")),
        cxx=CxxRun(missing="no riscv64-linux-gnu-g++"))
    judged = chapter.verify(door.works, c, trial).verdicts
    assert [one.state for one in judged] == [State.PASS, State.PASS, State.FAIL, State.SKIPPED]
    assert "emulated" in str(judged.verdicts[1]) and "it broke" in str(judged.verdicts[2])


def test_a_target_without_any_c_compiler_goes_on_without_cgo_and_says_so(opened: Opened) -> None:
    chapter = opened(target="sw64")
    c = made(chapter)
    assert c.passport is None and str(c).startswith("no C compiler for sw64: none of sw_64-sunway-linux-gnu-gcc")
    judged = chapter.verify(door.works, c, chapter.act(door.cgo_tried, None, c)).verdicts
    assert [one.state for one in judged] == [State.SKIPPED] and "pure Go needs none" in str(judged)


def test_no_chapter_gets_a_c_compiler_without_a_passport(opened: Opened, recipe_file: Path) -> None:
    chapter = opened(recipe_file)
    with pytest.raises(Blocked, match="no passport of a C toolchain for riscv64"):
        door.compiler_of(chapter)
    assert made(chapter).passport.compiler == door.compiler_of(chapter)
    (recipe_file.parent / "cross" / "bin" / "riscv64-linux-gnu-as").write_text("another")
    with pytest.raises(Blocked, match="not the one of its passport|does not compile") as refused:
        door.compiler_of(chapter)
    assert "02_toolchain_build again" in refused.value.next or "mend it" in refused.value.next


def test_in_check_mode_nothing_is_built(opened: Opened, recipe_file: Path, tmp_path: Path) -> None:
    chapter = opened(recipe_file, check=True)
    c = made(chapter)
    assert str(c) == "check mode: 5 stages would be built" and c.pending
    assert not (tmp_path / "cross").exists() and not (tmp_path / "work").exists()


def test_a_build_that_fails_stops_the_chapter(opened: Opened, recipe_file: Path, projects: Path) -> None:
    (projects / "glibc" / "rules.mk").write_text("all:\n\tfalse\n")
    chapter = opened(recipe_file)
    with pytest.raises(BuildFailed, match="glibc: make failed"):
        made(chapter)
    with pytest.raises(ChapterStopped):
        chapter.act(door.cgo_tried, None, door.CToolchain(why="none"))


def test_a_recipe_for_another_target_than_the_sites_is_refused(
    opened: Opened, recipe_file: Path, tmp_path: Path
) -> None:
    chapter = opened(recipe_file, target="loong64")
    with pytest.raises(UsageError, match="stages.toml: it builds for riscv64, the site's target is loong64"):
        chapter.observe(door.looked)
    assert not (tmp_path / "cross").exists()
