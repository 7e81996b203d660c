"""A binary's passport says what the binary is, and no more than can be read from it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.compile.build import Built, build
from runbook.chapters.compile.decide import Recipe, recipe_for
from runbook.chapters.compile.observe import ingredients
from runbook.chapters.compile.packages import counted, package_of, sizes_of
from runbook.chapters.compile.passport import NO_PATHS, STACK, Passports, passport, verify_passports
from runbook.elf.go import Module, parse_modules
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import load_target
from runbook.verdict import State

TARGET = load_target("riscv64")


@pytest.fixture
def recipe(site: Site, local: LocalShell, services: Path, tmp_path: Path) -> Recipe:
    found = ingredients(site, local, services)
    return recipe_for("hello", found.sources, found.go, TARGET, tmp_path / "home")


@pytest.fixture
def built(recipe: Recipe, local: LocalShell, tmp_path: Path) -> Built:
    return build(recipe, local, tmp_path / "builds")


def test_a_passport_says_what_a_binary_is(built: Built) -> None:
    seen = passport(built, toolchain="ab" * 32, ldd="not a dynamic executable")
    assert seen.ok and str(seen).startswith("hello: static, by go1.")
    told = tomllib.loads(seen.to_toml())
    assert told["sha256"] == built.sha256 and told["toolchain_passport_sha256"] == "ab" * 32
    assert told["elf"]["static"] and told["elf"]["right_machine"] and told["elf"]["nx"] and not told["elf"]["pie"]
    assert told["elf"]["relro"] == "none" and told["elf"]["ldd"] == "not a dynamic executable"
    assert told["reproducible"] == {"equal": True, "again": built.sha256, "differs": [], "paths": []}
    assert "GOARCH=riscv64" in told["build"]["settings"] and told["module"] == []
    assert "✓" in Passports((seen,))._repr_html_()
    assert all(one.ok for one in verify_passports([seen]))


def test_equal_builds_have_equal_passports(recipe: Recipe, local: LocalShell, tmp_path: Path) -> None:
    texts = {passport(build(recipe, local, tmp_path / name)).to_toml() for name in ("here", "in another place")}
    assert len(texts) == 1


def test_a_path_of_this_machine_is_named(recipe: Recipe, local: LocalShell, tmp_path: Path) -> None:
    """Without -trimpath Go writes where its sources lie; building elsewhere then gives another binary too."""
    kept = tmp_path / "builds"
    flags = tuple(flag for flag in recipe.flags if flag != "-trimpath")
    leaky = build(replace(recipe, flags=flags), local, kept)
    seen = passport(leaky)
    assert str(kept) in seen.paths and not seen.ok
    (paths,) = [one for one in verify_passports([seen]) if one.what == NO_PATHS]
    assert paths.state is State.FAIL and str(kept) in paths.reason
    assert not seen.equal and any(line.startswith(".gopclntab: ") for line in leaky.differs)
    assert tomllib.loads(seen.to_toml())["reproducible"]["differs"] == list(leaky.differs)
    assert build(replace(recipe, flags=flags), local, kept).differs == leaky.differs, "kept beside the binary"


def test_a_stack_that_may_be_executed_is_refused(built: Built) -> None:
    seen = passport(built)
    for executable in (True, None):
        (stack,) = [one for one in verify_passports([replace(seen, binary=replace(
            seen.binary, stack_executable=executable))]) if one.what == STACK]
        assert stack.state is State.FAIL


def test_a_binary_for_another_machine_does_not_fit(built: Built) -> None:
    other = replace(built, recipe=replace(built.recipe, target="loong64"))
    assert passport(built).fits and not passport(other).fits


def test_a_replaced_module_is_named_with_what_it_stands_for() -> None:
    text = "path\tx\nmod\tx\t(devel)\t\ndep\texample.org/a\tv1.0.0\n=>\t./local\t\n" \
           "dep\texample.org/b\tv2.0.0\th1:sum=\n"
    found = parse_modules("go1.22.0", text)
    assert found.modules == (Module("./local", "", "", "example.org/a v1.0.0"),
                             Module("example.org/b", "v2.0.0", "h1:sum="))
    assert found.dependencies == {"example.org/a": "v1.0.0", "example.org/b": "v2.0.0"}


@pytest.mark.parametrize(("symbol", "package"), [
    ("runtime.mallocgc", "runtime"),
    ("github.com/gin-gonic/gin.(*Engine).ServeHTTP", "github.com/gin-gonic/gin"),
    ("gopkg.in/yaml%2ev3.Unmarshal", "gopkg.in/yaml.v3"),
    ("sync/atomic.(*Pointer[go.shape.struct { a/b.c string }]).Load", "sync/atomic"),
    ("slices.SortFunc[go.shape.[]github.com/x/y.Z]", "slices"),
    ("encoding/json.(*decodeState).object.func1", "encoding/json"),
    ("type:.eq.net/http.header", ""),
    ("go:itab.*os.File,io.Writer", ""),
    ("go.itab.*os.File,io.Writer", ""),
    ("type..eq.net/http.header", ""),
    ("go.etcd.io/etcd/api/v3/v3rpc/rpctypes.init", "go.etcd.io/etcd/api/v3/v3rpc/rpctypes"),
    ("go/ast.Walk", "go/ast"),
    ("_rt0_riscv64_linux", ""),
])
def test_a_symbol_belongs_to_its_package(symbol: str, package: str) -> None:
    assert package_of(symbol) == package


def test_the_bytes_of_a_binary_are_all_accounted_for(built: Built, local: LocalShell) -> None:
    sizes = sizes_of(built, local)
    assert sizes.total == built.path.stat().st_size
    assert sizes.packages["runtime"] > sizes.packages["main"] > 0
    assert sizes_of(built, local).packages == sizes.packages, "kept beside the binary"
    picture = sizes.picture
    assert re.fullmatch(r"[A-Z][^.]*hello[^.]*\.", picture.caption) and "runtime" in picture.table


def test_a_symbol_without_bytes_in_the_file_does_not_count(built: Built) -> None:
    assert counted("hello", ["ffffffff 33554432 D crypto/drbg.memory", "no line of nm"], built.path).packages == {}
