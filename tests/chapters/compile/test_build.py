"""A service is built twice, kept, and refused in the compiler's own words."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.compile.build import Built, build
from runbook.chapters.compile.decide import Recipe, recipe_for
from runbook.chapters.compile.figures import build_figures
from runbook.chapters.compile.observe import ingredients
from runbook.chapters.compile.sources import read_sources
from runbook.chapters.compile.verify import verify_build
from runbook.chapters.toolchain.observe import Go, find_go
from runbook.elf import read
from runbook.errors import Blocked, BuildFailed
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import load_target
from runbook.verdict import State

TARGET = load_target("riscv64")


@pytest.fixture
def recipe(site: Site, local: LocalShell, services: Path, tmp_path: Path) -> Recipe:
    found = ingredients(site, local, services)
    return recipe_for("hello", found.sources, found.go, TARGET, tmp_path)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "builds"


def test_a_service_is_built_for_the_target_static_and_twice_the_same(
    recipe: Recipe, local: LocalShell, kept: Path
) -> None:
    built = build(recipe, local, kept)
    assert not built.already and built.again == built.sha256
    verdicts = verify_build(built, TARGET)
    assert {verdict.what: verdict.state for verdict in verdicts} == {
        "for the right machine": State.PASS,
        "static": State.PASS,
        "built twice, equal": State.PASS,
        "built by the site's Go": State.PASS,
    }
    data = built.path.read_bytes()
    assert str(kept).encode() not in data, "a path of the build machine leaked into the binary"
    assert recipe.sources.version.encode() in data
    assert build_figures(built, read(built.path))["compile.hello.size"].value == len(data)


def test_nothing_changed_nothing_built(recipe: Recipe, local: LocalShell, kept: Path) -> None:
    first = build(recipe, local, kept)
    again = build(recipe, local, kept)
    assert again.already and again.sha256 == first.sha256 and again.state == "was built already"
    assert str(again) == str(first), "what a notebook compares does not tell who built it"


def test_a_changed_source_is_built_anew(
    recipe: Recipe, site: Site, local: LocalShell, services: Path, kept: Path, tmp_path: Path
) -> None:
    first = build(recipe, local, kept)
    main = services / "hello" / "main.go"
    main.write_text(main.read_text() + "\n// another line\n")
    found = ingredients(site, local, services)
    other = recipe_for("hello", found.sources, found.go, TARGET, tmp_path)
    assert other.key != recipe.key
    assert not build(other, local, kept).already and first.path.exists()


def test_a_kept_binary_that_was_altered_is_not_taken(recipe: Recipe, local: LocalShell, kept: Path) -> None:
    built = build(recipe, local, kept)
    built.path.write_bytes(built.path.read_bytes() + b"x")
    (altered,) = [one for one in verify_build(built, TARGET) if one.what == "built twice, equal"]
    assert altered.state is State.FAIL
    assert build(recipe, local, kept).already is False


def test_the_oldest_builds_are_forgotten(recipe: Recipe, local: LocalShell, kept: Path) -> None:
    for age, name in enumerate(("newer", "older", "oldest"), 1):
        (kept / name).mkdir(parents=True)
        (kept / name / "built.json").write_text("{}")
        os.utime(kept / name / "built.json", (1000 - age, 1000 - age))
    built = build(recipe, local, kept, keep=2)
    assert {path.name for path in kept.iterdir()} == {recipe.key, "newer"} and built.path.exists()


def test_a_build_that_is_taken_again_is_not_forgotten_for_a_newer_one(
    recipe: Recipe, local: LocalShell, kept: Path
) -> None:
    first = build(recipe, local, kept, keep=2)
    os.utime(first.path.with_name("built.json"), (1000, 1000))
    other = replace(recipe, flags=(*recipe.flags, "-tags=other"))
    build(replace(recipe, flags=(*recipe.flags, "-tags=older")), local, kept, keep=2)
    assert build(recipe, local, kept, keep=2).path == first.path
    build(other, local, kept, keep=2)
    assert first.path.exists()


def test_builds_that_differ_fail(recipe: Recipe, local: LocalShell, kept: Path) -> None:
    built = replace(build(recipe, local, kept), again="0" * 64)
    (twice,) = [one for one in verify_build(built, TARGET) if one.what == "built twice, equal"]
    assert twice.state is State.FAIL and "differ" in twice.reason


def test_a_compile_error_shows_the_compilers_words_with_file_and_line(
    site: Site, local: LocalShell, services: Path, kept: Path, tmp_path: Path
) -> None:
    (services / "hello" / "main.go").write_text("package main\n\nfunc main() { undefined_thing() }\n")
    found = ingredients(site, local, services)
    with pytest.raises(BuildFailed, match="hello/main.go:3:15: undefined: undefined_thing") as failed:
        build(recipe_for("hello", found.sources, found.go, TARGET, tmp_path), local, kept)
    assert "services/" in failed.value.next
    assert not any(kept.rglob("built.json")) and not list(kept.glob("new-*")), "nothing half-built is kept"


def test_a_missing_module_sends_to_set_up_and_not_to_the_network(
    site: Site, local: LocalShell, services: Path, kept: Path, tmp_path: Path
) -> None:
    (services / "hello" / "main.go").write_text(
        'package main\n\nimport _ "example.org/nothing"\n\nfunc main() {}\n'
    )
    found = ingredients(site, local, services)
    with pytest.raises(BuildFailed, match="example.org/nothing") as failed:
        build(recipe_for("hello", found.sources, found.go, TARGET, tmp_path), local, kept)
    assert "setup/prepare" in failed.value.next


def test_a_service_without_sources_blocks(services: Path, old_go: Go) -> None:
    with pytest.raises(Blocked, match="no Go module with a package nobody"):
        read_sources(services, "nobody", go=old_go)


def test_tests_and_hidden_files_do_not_change_what_is_built(services: Path, old_go: Go) -> None:
    go = replace(old_go, version="1.21")
    before = read_sources(services, "hello", go=go)
    (services / "hello" / "main_test.go").write_text("package main\n")
    (services / ".swap").write_text("x")
    assert read_sources(services, "hello", go=go).sha256 == before.sha256
    (services / "hello" / "names.txt").write_text("embedded")
    assert read_sources(services, "hello", go=go).sha256 != before.sha256


def test_the_recipe_of_an_old_port_leaves_out_what_it_does_not_know(
    services: Path, old_go: Go, tmp_path: Path
) -> None:
    module = services / "go.mod"
    module.write_text(module.read_text().replace("go 1.21", "go 1.16"))
    old = recipe_for("hello", read_sources(services, "hello", go=old_go), old_go, load_target("sw64"), tmp_path)
    assert "-buildvcs=false" not in old.flags and dict(old.environment)["GOARCH"] == "sw64"
    module.write_text(module.read_text().replace("go 1.16", "go 1.21"))
    with pytest.raises(Blocked, match="services/go.mod asks for Go 1.21, the site's is 1.16.4") as refused:
        read_sources(services, "hello", go=old_go)
    assert "newer Go" in refused.value.next


def test_the_build_sees_nothing_of_the_persons_own_and_no_compiler(recipe: Recipe) -> None:
    environment = dict(recipe.environment)
    assert environment["GOPROXY"] == "off" and environment["GOENV"] == "off"
    assert environment["PATH"] == str(recipe.go.root / "bin")
    assert recipe.words(Path("/out"))[:2] == ("env", "-i")


def test_a_page_for_people_tells_who_built_it(recipe: Recipe, local: LocalShell, kept: Path) -> None:
    built: Built = build(recipe, local, kept)
    assert built.sha256 in built._repr_html_() and "built" in built._repr_html_()
    record = json.loads((built.path.parent / "built.json").read_text())
    assert record["sha256"] == built.sha256


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_compiler_is_repeatable_with_two_caches(
    recipe: Recipe, site: Site, local: LocalShell, services: Path, tmp_path: Path
) -> None:
    """Everything, the standard library too, is compiled twice."""
    found = []
    for name in ("one", "two"):
        go = find_go(site, local)
        go = replace(go, settings=go.settings | {"GOCACHE": str(tmp_path / name)})
        own = recipe_for("hello", read_sources(services, "hello", go=go), go, TARGET, tmp_path)
        found.append(build(own, local, tmp_path / f"kept-{name}").sha256)
    assert found[0] == found[1]
