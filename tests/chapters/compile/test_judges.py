"""Claims about static compiling come out by what was built, and could come out the other way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import runbook.chapters.compile.judges
import runbook.chapters.toolchain.judges  # noqa: F401  registers the judges
from runbook.chapters.compile.build import build
from runbook.chapters.compile.decide import recipe_for
from runbook.chapters.compile.evidence import Evidence, evidence
from runbook.chapters.compile.observe import ingredients
from runbook.chapters.toolchain.judges import Toolchain, look_into
from runbook.chapters.toolchain.observe import Go, find_go
from runbook.claims.hearing import hear
from runbook.elf import Linking, read
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import load_target


def heard(chapter: str, what: object) -> dict[str, bool | None]:
    return {claim.id: judgement.holds for claim, judgement in hear(chapter, what)}


@pytest.fixture
def seen(site: Site, local: LocalShell, services: Path, tmp_path: Path) -> Evidence:
    found, target = ingredients(site, local, services), load_target("riscv64")
    built = build(recipe_for("hello", found.sources, found.go, target, tmp_path), local, tmp_path / "builds")
    return evidence(built, target, local)


def test_what_was_built_decides_and_the_opposite_facts_decide_otherwise(seen: Evidence) -> None:
    assert heard("03_static_compile", seen) == {
        "1-b": True,
        "1-f": False,
        "1-i": False,
        "1-j": True,
        "2.2-e": False,
        "2.2-h": None,
    }
    dynamic = read(Path("/bin/ls").resolve())
    opposite = replace(
        seen,
        binary=replace(dynamic, linking=Linking.DYNAMIC),
        target=load_target("sw64"),
        differing=(".text",),
        without_compiler=False,
        hello=replace(dynamic, needed=("libgcc_s.so.1",)),
    )
    assert heard("03_static_compile", opposite) == {
        "1-b": False,
        "1-f": True,
        "1-i": True,
        "1-j": False,
        "2.2-e": True,
        "2.2-h": False,
    }
    unknown = replace(seen, compilers=("gcc",), ldd="")
    assert {"1-f": None, "1-j": None}.items() <= heard("03_static_compile", unknown).items()


@pytest.fixture
def upstream(old_go: Go) -> Toolchain:
    go = replace(old_go, version="1.26.8", targets=frozenset({"linux/amd64"}), origin="version")
    return Toolchain(go, "gcc", False, (), False, ())


def test_an_upstream_go_refutes_the_port_and_cannot_tell_of_its_insides(upstream: Toolchain) -> None:
    assert heard("02_toolchain_build", upstream) == {
        "1-d": False,
        "2.2-a": False,
        "2.2-b": None,
        "2.2-c": None,
        "2.2-d": False,
        "2.2-f": None,
    }


def test_a_port_tells_of_its_insides_but_not_of_upstream(upstream: Toolchain) -> None:
    port = replace(upstream.go, version="1.22.6", targets=frozenset({"linux/sw64"}), origin="dir")
    inside = Toolchain(port, "gcc", True, (), False, ("asm_sw64.s", "rt0_linux_sw64.s"))
    assert heard("02_toolchain_build", inside) == {
        "1-d": None,
        "2.2-a": None,
        "2.2-b": False,
        "2.2-c": False,
        "2.2-d": False,
        "2.2-f": False,
    }


def test_an_upstream_that_had_it_all_as_the_article_says_would_be_believed(upstream: Toolchain) -> None:
    go = replace(upstream.go, targets=frozenset({"linux/sw64"}))
    as_said = Toolchain(go, "sw64-linux-gcc", False, ("sw64.go",), True, (), ("VADDW",))
    assert set(heard("02_toolchain_build", as_said).values()) == {True}


def test_the_prepared_go_is_looked_into(site: Site, local: LocalShell) -> None:
    found = look_into(find_go(site, local), local)
    assert found.compiler and not found.backend and found.runtime_files == ()
