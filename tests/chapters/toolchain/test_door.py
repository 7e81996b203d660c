"""The chapter on a site whose target upstream Go does not know: refused, and no verb after it runs."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from runbook.chapter import Chapter
from runbook.chapters.toolchain import door, store
from runbook.contents import title_of
from runbook.errors import Blocked, ChapterStopped
from runbook.remote.fleet import Fleet
from runbook.report.progress import Plain
from runbook.run import Run
from runbook.site import Site, load_site
from tests.chapters.gos import fake_go


@pytest.fixture
def run(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of a site whose target is sw64, with the Go that set-up prepared: upstream's."""
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    return Run.start(load_site(of_sw64(site)))


def of_sw64(site: Site, go: str = "") -> str:
    text = site.file.read_text().replace('target = "riscv64"', 'target = "sw64"')
    if go:
        text = "\n".join(f'go = "dir:{go}"' if line.startswith("go = ") else line for line in text.splitlines())
    site.file.write_text(text)
    return str(site.file)


def opened(run: Run, check: bool = False) -> Chapter:
    fleet = Fleet.open(run.site, recorder=run.journal)
    return Chapter(title_of("02_toolchain_build"), run, fleet, check=check, confirm="", options={})


def test_upstreams_go_is_refused_for_the_sites_target_and_no_later_verb_runs(run: Run) -> None:
    chapter = opened(run)
    seen = chapter.observe(door.found)
    assert str(seen).endswith("does not know linux/sw64")
    with pytest.raises(Blocked, match="does not build for linux/sw64") as refused:
        chapter.decide(door.what_to_build, seen, chapter.target, [])
    assert "1.22.6" in refused.value.next
    with pytest.raises(ChapterStopped):
        chapter.act(door.passport_written, seen)
    assert run.states() == {"02_toolchain_build": "blocked"}


def test_a_ports_passport_is_kept_and_checked_again(run: Run, site: Site, tmp_path: Path) -> None:
    port = fake_go(tmp_path / "port", lists="linux/amd64 linux/sw64")
    (port / "src" / "cmd" / "internal" / "obj" / "sw64").mkdir(parents=True)
    chapter = opened(Run.start(load_site(of_sw64(site, str(port)))))
    seen = chapter.observe(door.found)
    chapter.act(door.passport_written, seen)
    assert chapter.verify(door.is_the_toolchain).ok
    assert repr(seen) == "Go 1.16.4, knows linux/sw64" and "assembler = &quot;sw64&quot;" in seen._repr_html_()


def test_a_tree_of_sources_is_built_on_the_way_through_the_chapter_and_its_log_is_kept(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "STORE", tmp_path / "kept")
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    tree = fake_go(tmp_path / "port", lists="linux/amd64 linux/sw64")
    for folder in ("src/cmd/internal/obj/sw64", "src/cmd/dist", "src/runtime"):
        (tree / folder).mkdir(parents=True)
    (tree / "bin").rename(tree / "misc")
    (tree / "src/make.bash").write_text("echo 'Building Go cmd/dist using itself.'; cp -R ../misc ../bin\n")
    chapter = opened(Run.start(load_site(of_sw64(site, str(tree)))))
    origin = chapter.observe(door.origin)
    making = chapter.decide(door.to_make, origin)
    assert str(making).startswith("to be built: Go of no release, by its own make.bash and Go 1.")
    seen = chapter.act(door.made, making)
    assert repr(seen) == "Go 1.16.4, knows linux/sw64" and seen.go.root.is_relative_to(tmp_path / "kept")
    assert "Building Go cmd/dist" in chapter.artifact("make.log").path.read_text()
    stages = [one for one in chapter.run.journal.entries() if one.get("about") == "stage"]
    assert [one.phase for one in stages] == ["begin"], "an end has no fields of its own"
    assert stages[0]["text"] == "Building Go cmd/dist using itself"
    out = io.StringIO()
    Plain(out).news({"kind": "note", "phase": "begin", "about": "stage", "text": stages[0]["text"], "host": "local"})
    assert out.getvalue() == "    local: Building Go cmd/dist using itself\n"
