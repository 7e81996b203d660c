"""A binary says which commit it is of, and two clones of that commit make the same binary."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.compile.build import build
from runbook.chapters.compile.decide import recipe_for
from runbook.chapters.compile.revision import parse_revision, stamped
from runbook.chapters.compile.sources import Sources, read_sources
from runbook.chapters.compile.verify import verify_build
from runbook.chapters.toolchain.observe import find_go
from runbook.elf import read
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import load_target
from runbook.verdict import State

NAMED = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.test", "GIT_COMMITTER_NAME": "t",
         "GIT_COMMITTER_EMAIL": "t@example.test", "GIT_CONFIG_GLOBAL": "/dev/null", "PATH": "/usr/bin:/bin",
         "GIT_COMMITTER_DATE": "2026-03-01T23:30:00-0500", "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z"}
SHA256 = "ab" * 32


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder, *words], env=NAMED, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(services: Path) -> Path:
    """A repository that has the services in a folder, and something else beside them."""
    root = services.parent
    git(root, "init", "--quiet")
    git(root, "add", "services")
    git(root, "commit", "--quiet", "--message", "Services")
    return root


@pytest.fixture
def sources(site: Site, local: LocalShell, services: Path) -> Sources:
    return read_sources(services, "hello", go=find_go(site, local))


def test_the_stamp_is_the_last_commit_that_changed_the_services_in_utc(
    repository: Path, sources: Sources, local: LocalShell
) -> None:
    commit = git(repository, "rev-parse", "HEAD").strip()
    assert stamped(sources, local).version == f"20260302-{commit[:12]}"
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "Something else")
    (sources.folder / "hello" / "main_test.go").write_text("package main\n")
    assert stamped(sources, local).version == f"20260302-{commit[:12]}", "neither gets into the binary"


def test_what_is_not_committed_has_its_own_hash_behind_the_commit(
    repository: Path, site: Site, local: LocalShell, services: Path
) -> None:
    (services / "hello" / "more.go").write_text("package main\n")
    changed = read_sources(services, "hello", go=find_go(site, local))
    assert stamped(changed, local).version.endswith(f"+{changed.sha256[:12]}")


def test_without_git_or_with_a_shallow_clone_the_stamp_is_the_sources_hash(
    site: Site, local: LocalShell, services: Path, sources: Sources, tmp_path: Path
) -> None:
    assert stamped(sources, local).version == sources.sha256[:12]
    assert parse_revision("", SHA256) == "" and parse_revision("fatal: not a git repository\n", SHA256) == ""
    assert parse_revision(f"revision 20260301-{'0' * 40}\n M services/go.mod\n", SHA256) == (
        f"20260301-{'0' * 12}+{'ab' * 6}")
    git(services.parent, "init", "--quiet")
    git(services.parent, "add", "services")
    for message in ("One", "Two"):
        git(services.parent, "commit", "--quiet", "--allow-empty", "--message", message)
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{services.parent}", "shallow")
    there = read_sources(tmp_path / "shallow" / "services", "hello", go=find_go(site, local))
    assert stamped(there, local).version == there.sha256[:12]


def test_two_clones_of_one_commit_make_one_binary_that_names_it(
    repository: Path, site: Site, local: LocalShell, sources: Sources, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", str(repository), "a-clone-in-another-place")
    go, target = find_go(site, local), load_target("riscv64")
    found = []
    for number, folder in enumerate((sources.folder, tmp_path / "a-clone-in-another-place" / "services")):
        own = stamped(read_sources(folder, "hello", go=go), local)
        found.append(build(recipe_for("hello", own, go, target, tmp_path), local, tmp_path / f"builds-{number}"))
    assert found[0].sha256 == found[1].sha256
    assert found[0].recipe.sources.revision.encode() in found[0].path.read_bytes()


def test_the_level_of_the_processor_is_the_targets_and_is_read_back(
    site: Site, local: LocalShell, sources: Sources, tmp_path: Path
) -> None:
    go, target = find_go(site, local), load_target("riscv64")
    recipe = recipe_for("hello", sources, go, target, tmp_path)
    assert dict(recipe.environment)["GORISCV64"] == target.go.level == "rva20u64"
    built = build(recipe, local, tmp_path / "builds")
    assert read(built.path).go.settings["GORISCV64"] == "rva20u64"
    assert verify_build(built, target).ok
    other = replace(target, go=replace(target.go, level="rva22u64"))
    newer = recipe_for("hello", sources, go, other, tmp_path)
    assert newer.key != recipe.key
    asked_for_more = replace(built, recipe=newer)
    (by_go,) = [one for one in verify_build(asked_for_more, target) if one.what == "built by the site's Go"]
    assert by_go.state is State.FAIL and "GORISCV64=rva20u64, the target's file says rva22u64" in by_go.reason
    assert "GOSW64" not in dict(recipe_for("hello", sources, replace(go, targets=go.targets | {"linux/sw64"}),
                                           load_target("sw64"), tmp_path).environment), "Go has no levels there"
