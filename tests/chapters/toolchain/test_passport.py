"""A passport tells a toolchain by its content, and half a port from a whole one."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from runbook.chapters.toolchain.compiler import NoCompiler
from runbook.chapters.toolchain.observe import find_go
from runbook.chapters.toolchain.passport import OBJECTS, Passport, passport
from runbook.chapters.toolchain.programs import recipes
from runbook.chapters.toolchain.verify import C_COMPILER, KNOWS, SAME, TOOLS, verify_toolchain
from runbook.errors import Blocked
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import load_target
from runbook.verdict import State
from tests.chapters.gos import fake_go, with_go

SW64 = load_target("sw64")
NONE = NoCompiler("sw64", "none is on the PATH", "install one")


@pytest.fixture
def port(tmp_path: Path) -> Path:
    """A tree that answers as a port does, with an assembler's folder and a version."""
    root = fake_go(tmp_path / "port", lists="linux/amd64 linux/sw64")
    (root / OBJECTS / "sw64").mkdir(parents=True)
    (root / "src" / "runtime.go").write_text("package runtime\n")
    (root / "VERSION").write_text("go1.16.4\n")
    return root


def looked_at(root: Path, site: Site, local: LocalShell) -> Passport:
    return passport(find_go(with_go(site, "dir", str(root)), local), SW64, NONE, local)


def states(written: str, now: Passport) -> dict[str, State]:
    return {verdict.what: verdict.state for verdict in verify_toolchain(written, now)}


def test_a_passport_is_toml_and_the_same_for_the_same_toolchain(port: Path, site: Site, local: LocalShell) -> None:
    first, again = (looked_at(port, site, local).to_toml() for _ in range(2))
    assert first == again
    told = tomllib.loads(first)
    assert told["port"] == {"in_dist_list": True, "assembler": "sw64"} and told["c_compiler"] == {"none": NONE.why}
    assert told["go"]["source_files"] == 1 and told["go"]["origin"] == "dir"


def test_one_changed_byte_in_the_sources_is_seen(port: Path, site: Site, local: LocalShell) -> None:
    before = looked_at(port, site, local)
    (port / "src" / "runtime.go").write_text("package Runtime\n")
    now = looked_at(port, site, local)
    assert states(before.to_toml(), now)[SAME] is State.FAIL
    assert "sources_sha256" in next(one.reason for one in verify_toolchain(before.to_toml(), now) if one.what == SAME)


def test_a_listed_target_without_an_assembler_is_half_a_port(port: Path, site: Site, local: LocalShell) -> None:
    (port / OBJECTS / "sw64").rmdir()
    now = looked_at(port, site, local)
    assert not now.knows and states(now.to_toml(), now)[KNOWS] is State.FAIL


def test_tools_that_do_not_run_fail_by_name(port: Path, site: Site, local: LocalShell) -> None:
    """The made-up go answers every `tool` with its list; one that is taught to refuse shows what is missing."""
    now = looked_at(port, site, local)
    assert states(now.to_toml(), now)[TOOLS] is State.PASS
    text = (port / "bin" / "go").read_text()
    (port / "bin" / "go").write_text(text.replace("case $1 in", "case $1$2 in toollink) exit 2;; esac\ncase $1 in"))
    assert looked_at(port, site, local).silent == ("link",)


def test_a_missing_c_compiler_is_skipped_with_what_to_do(port: Path, site: Site, local: LocalShell) -> None:
    now = looked_at(port, site, local)
    verdict = next(one for one in verify_toolchain(now.to_toml(), now) if one.what == C_COMPILER)
    assert verdict.state is State.SKIPPED and "install one" in verdict.reason


def test_the_prepared_go_is_whole_for_a_target_that_upstream_has(site: Site, local: LocalShell) -> None:
    target = load_target("riscv64")
    seen = passport(find_go(site, local), target, NoCompiler("riscv64", "", ""), local)
    assert seen.knows and not seen.silent and seen.source_files > 5000
    assert all(said.startswith(f"{name} version go") for name, said in seen.tools.items())
    assert str(recipes(seen, target, ("strconv",)).tests[0]) == "the tests of strconv"


def test_upstreams_go_is_refused_for_a_target_that_it_does_not_know(site: Site, local: LocalShell) -> None:
    seen = passport(find_go(site, local), SW64, NONE, local)
    assert not seen.knows and not seen.assembler
    with pytest.raises(Blocked, match="does not build for linux/sw64: not in `go tool dist list`") as refused:
        recipes(seen, SW64, ("strconv",))
    assert "ports were seen at" in refused.value.next


def test_equal_packages_of_another_go_are_built_anew(port: Path, site: Site, local: LocalShell) -> None:
    before = recipes(looked_at(port, site, local), SW64, ("strconv",)).tests[0]
    (port / "src" / "runtime.go").write_text("package Runtime\n")
    assert recipes(looked_at(port, site, local), SW64, ("strconv",)).tests[0].key != before.key
