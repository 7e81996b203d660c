"""The section of chapter 03: each module as its builds have it, kept for the matrix, and the largest one's picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook.chapter import Chapter
from runbook.chapters.portaudit.audits import audit_all, audit_pictures
from runbook.contents import title_of
from runbook.remote.fleet import Fleet
from runbook.run import Run
from runbook.site import Site


@pytest.fixture
def chapter(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chapter]:
    """Chapter 03 of a run on this machine alone."""
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    run = Run.start(site)
    fleet = Fleet.open(run.site, recorder=run.journal)
    found = Chapter(title_of("03"), run, fleet, check=False, confirm="", options={})
    yield found
    fleet.close()


def test_a_module_is_audited_with_the_flags_of_its_builds_and_kept(
    chapter: Chapter, module: Callable[..., Path]
) -> None:
    folder = module({"a.go": "package m\n", "b.go": "//go:build !asked\n\npackage m\n\nvar X = nowhere\n"})
    plain = chapter.observe(lambda one: audit_all(one, {"m": folder}, {}))
    assert not plain.of["m"].ok and "undefined: nowhere" in str(plain) and "nowhere" in plain._repr_html_()
    asked = chapter.observe(lambda one: audit_all(one, {"m": folder}, {"m": ("-tags=asked",)}))
    assert asked.of["m"].ok and str(asked).startswith("module for linux/riscv64 by Go ")
    kept = json.loads(chapter.artifact("port-audit-m.json").path.read_text())
    assert kept["module"] == "module" and kept["fails"] == 0 and kept["packages"] == asked.of["m"].packages
    picture = chapter.act(audit_pictures, asked)
    assert "modules of m for linux/riscv64" in picture.caption
    assert chapter.artifact("picture-audit-m.json").sha256
