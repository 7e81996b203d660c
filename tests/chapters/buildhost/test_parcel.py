"""What is brought to a host that compiles: named by content, links followed, nothing that nobody needs there."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook.chapters.buildhost.go import OWN, sources_of
from runbook.chapters.buildhost.parcel import UNUSED, content_of, parcel, parcel_of
from runbook.chapters.toolchain.observe import PREPARED
from runbook.remote.local import LocalShell


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "go"
    for name in ("bin/go", "src/fmt/print.go", "src/fmt/print_test.go", "src/fmt/testdata/x", "src/cmd/link/main.go",
                 "pkg/obj/cache", "pkg/tool/link", "test/a.go", "VERSION"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "bin/go").chmod(0o555)
    elsewhere = tmp_path / "share"
    elsewhere.mkdir()
    (elsewhere / "hosts.go").write_text("package net")
    (root / "src/net").symlink_to(elsewhere)
    (elsewhere / "loop").symlink_to(root)
    (root / "gone").symlink_to("nowhere")
    return root


def names(tree) -> list[str]:
    return [one.path for one in tree.entries if one.kind == "f"]


def test_a_go_is_sent_without_its_tests_papers_and_tools_sources(folder: Path) -> None:
    tree = parcel_of(folder, UNUSED.fullmatch)
    assert names(tree) == ["VERSION", "bin/go", "pkg/tool/link", "src/fmt/print.go", "src/net/hosts.go"]
    assert {one.path: one.mode for one in tree.entries}["bin/go"] == 0o755
    assert [one.path for one in tree.entries if one.kind == "d"][:3] == [".", "bin", "pkg"]


def test_its_name_is_its_content(folder: Path) -> None:
    before = content_of(parcel_of(folder, UNUSED.fullmatch))
    (folder / "test/a.go").write_text("other")
    assert content_of(parcel_of(folder, UNUSED.fullmatch)) == before
    (folder / "src/fmt/print.go").write_text("other")
    assert content_of(parcel_of(folder, UNUSED.fullmatch)) != before


def test_only_the_files_that_are_named_go_into_it(folder: Path) -> None:
    tree = parcel(folder, ("src/fmt/print.go", "VERSION"))
    assert [one.path for one in tree.entries] == [".", "VERSION", "src", "src/fmt", "src/fmt/print.go"]


def test_a_host_counts_a_gos_sources_as_this_machine_does(local: LocalShell) -> None:
    says, told = local.run(OWN.command(str(PREPARED.resolve()))).text.splitlines()
    assert says.startswith("go version go1.") and told.split()[0] == sources_of(PREPARED)
