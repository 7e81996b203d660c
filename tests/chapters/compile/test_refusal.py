"""What a build cannot do is said in Go's own words, with what to do about it; nothing half-done is kept."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.compile import decide, private
from runbook.chapters.compile.build import build
from runbook.chapters.compile.decide import Recipe, recipe_for
from runbook.chapters.compile.observe import SERVICES
from runbook.chapters.compile.sources import read_sources
from runbook.chapters.toolchain.observe import Go, find_go
from runbook.errors import Blocked, BuildFailed
from runbook.remote.local import LocalShell
from runbook.site import GoSource, Site
from runbook.site_tables import Toolchain
from runbook.targets import load_target

PERKS = "github.com/beorn7/perks"  # small, needs nothing, and is among the modules of the services
USES_PERKS = """package main

import (
	"fmt"

	"github.com/beorn7/perks/quantile"
)

func main() { fmt.Println(quantile.NewTargeted(nil).Count()) }
"""
DEBIAN = Path("/usr/lib/go-1.19")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "builds"


@pytest.fixture
def go(site: Site, local: LocalShell) -> Go:
    return find_go(site, local)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private cache that is empty, and is the test's own."""
    folder = tmp_path / "modules"
    for module in (decide, private):
        monkeypatch.setattr(module, "PRIVATE", folder)
    monkeypatch.setattr(private, "_VERIFIED", set())
    yield folder
    subprocess.run(["chmod", "-R", "u+w", folder], check=False)  # Go makes its cache read-only


@pytest.fixture
def with_perks(services: Path) -> Path:
    """The small service with a module of others."""
    version = re.search(rf"{PERKS} (\S+)", (SERVICES / "go.mod").read_text())[1]
    module = services / "go.mod"
    module.write_text(f"{module.read_text()}\nrequire {PERKS} {version}\n")
    lines = (SERVICES / "go.sum").read_text().splitlines(keepends=True)
    (services / "go.sum").write_text("".join(line for line in lines if line.startswith(f"{PERKS} {version}")))
    (services / "hello" / "main.go").write_text(USES_PERKS)
    return services


@pytest.fixture
def recipe(go: Go, cache: Path, with_perks: Path, tmp_path: Path) -> Callable[..., Recipe]:
    def make(by: Go = go, target: str = "riscv64") -> Recipe:
        return recipe_for("hello", read_sources(with_perks, "hello", go=by), by, load_target(target), tmp_path)

    return make


def test_modules_come_from_what_set_up_fetched_and_are_enough_without_it(
    recipe: Callable[..., Recipe], go: Go, local: LocalShell, kept: Path, cache: Path, tmp_path: Path
) -> None:
    built = build(recipe(), local, kept)
    assert f'"modules": ["{PERKS} v' in built.path.with_name("built.json").read_text()
    assert dict(built.recipe.environment)["GOPROXY"] == "off" and (cache / "cache" / "download").is_dir()
    alone = replace(go, settings=go.settings | {"GOMODCACHE": str(tmp_path / "nowhere")})
    assert build(recipe(alone), local, tmp_path / "another").sha256 == built.sha256, "it can be carried elsewhere"


def test_no_network_and_no_cache_send_to_set_up(
    recipe: Callable[..., Recipe], go: Go, local: LocalShell, kept: Path, tmp_path: Path
) -> None:
    bare = replace(go, settings=go.settings | {"GOMODCACHE": str(tmp_path / "nowhere")})
    with pytest.raises(BuildFailed, match=rf"{PERKS} v.*\n.*module lookup disabled by GOPROXY=off") as failed:
        build(recipe(bare), local, kept)
    assert "setup/prepare" in failed.value.next and not list(kept.iterdir())


def test_a_module_that_is_not_what_its_sum_says_is_refused(
    recipe: Callable[..., Recipe], with_perks: Path, local: LocalShell, kept: Path
) -> None:
    text = (with_perks / "go.sum").read_text()
    first = re.search(r" h1:(\S+)", text)[1]
    (with_perks / "go.sum").write_text(text.replace(first, first[:10] + "A" * (len(first) - 11) + "="))
    with pytest.raises(BuildFailed, match=rf"verifying {PERKS}@\S+: checksum mismatch") as failed:
        build(recipe(), local, kept)
    assert "see who changed" in failed.value.next and not list(kept.iterdir())


def test_a_file_that_was_changed_in_the_cache_is_not_compiled(
    recipe: Callable[..., Recipe], local: LocalShell, kept: Path, cache: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build(recipe(), local, kept)
    (source,) = cache.glob(f"{PERKS}@*/quantile/stream.go")
    source.chmod(0o644)
    source.write_text(source.read_text() + "\n// changed\n")
    monkeypatch.setattr(private, "_VERIFIED", set())  # as another process
    with pytest.raises(BuildFailed, match=rf"{PERKS} v\S+: dir has been modified") as failed:
        build(recipe(), local, tmp_path / "another")
    assert "rm -r" in failed.value.next


def test_a_module_that_needs_a_newer_go_is_named(
    site: Site, local: LocalShell, cache: Path, services: Path, kept: Path, tmp_path: Path
) -> None:
    if not (DEBIAN / "bin" / "go").exists():
        pytest.skip("no golang-1.19: run setup/debian")
    old = find_go(replace(site, toolchain=Toolchain(go=GoSource("dir", str(DEBIAN)))), local)
    version = re.search(r"golang.org/x/sys (\S+)", (SERVICES / "go.mod").read_text())[1]
    (services / "go.mod").write_text(f"module example.test/s\n\ngo 1.19\n\nrequire golang.org/x/sys {version}\n")
    shutil.copy(SERVICES / "go.sum", services)
    (services / "hello" / "main.go").write_text(
        "package main\n\nimport \"golang.org/x/sys/unix\"\n\nfunc main() { unix.Exit(0) }\n")
    with pytest.raises(BuildFailed, match=rf"golang.org/x/sys@{version}/.*: package slices is not in GOROOT") as failed:
        build(recipe_for("hello", read_sources(services, "hello", go=old), old, load_target("riscv64"), tmp_path),
              local, kept)
    assert "newer Go" in failed.value.next and "go.legacy.mod" in failed.value.next


def test_a_target_that_the_go_does_not_know_is_refused_before_anything_is_compiled(
    recipe: Callable[..., Recipe], kept: Path
) -> None:
    with pytest.raises(Blocked, match=r"does not build for linux/sw64: not in `go tool dist list`") as refused:
        recipe(target="sw64")
    assert "ports were seen at 1.16.4" in refused.value.next and not kept.exists()


@pytest.mark.parametrize(("size", "said"), [("1m", "no space left on device"), ("4k", "No space left on device")])
def test_a_disk_that_fills_is_said_and_with_room_the_same_build_passes(
    recipe: Callable[..., Recipe], local: LocalShell, kept: Path, size: str, said: str
) -> None:
    """The first fills when the binary is written, the second when the sources are copied."""
    if os.geteuid() != 0:
        pytest.skip("a file system is mounted")
    kept.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", kept], check=True)
    try:
        with pytest.raises(BuildFailed, match=said) as failed:
            build(recipe(), local, kept)
        assert "make room" in failed.value.next and not list(kept.rglob("built.json"))
        subprocess.run(["mount", "-o", "remount,size=64m", kept], check=True)
        assert build(recipe(), local, kept).already is False
    finally:
        subprocess.run(["umount", kept], check=True)
