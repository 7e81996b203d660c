"""What is compiled beside the deployed service, and for which machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.compile.artefacts import Artefacts, Recipes
from runbook.chapters.compile.build import build
from runbook.chapters.compile.decide import recipe_for
from runbook.chapters.compile.forms import form_of, forms_in
from runbook.chapters.compile.observe import SERVICES, Ingredients, ingredients
from runbook.chapters.compile.others import other_recipes
from runbook.chapters.compile.pinned import native
from runbook.chapters.compile.verify import fits
from runbook.chapters.load.programs import VEGETA
from runbook.errors import Blocked
from runbook.remote.local import LocalShell
from runbook.site import ROOT, Site, load_site
from runbook.site_tables import Service
from runbook.targets import load_target
from runbook.verdict import State

MACHINES = {"node1": "x86_64", "node2": "x86_64", "node3": "aarch64"}


@pytest.fixture
def real(local: LocalShell) -> Site:
    return load_site(ROOT / "sites" / "testbed.toml")


def test_the_site_chooses_the_form_that_is_deployed() -> None:
    assert form_of(Service()) == "users" and form_of(Service(framework="echo")) == "users-echo"
    assert forms_in(SERVICES, Service()) == ("users", "users-echo")


def test_what_serves_is_for_the_target_and_what_asks_for_the_host_that_asks(
    real: Site, site: Site, local: LocalShell, tmp_path: Path
) -> None:
    seen = ingredients(replace(real, toolchain=site.toolchain), local, machines=MACHINES)
    found = [(one.service, one.target) for one in other_recipes(seen, real, load_target("riscv64"), tmp_path)]
    assert found == [
        ("users-echo", "riscv64"), ("etcd", "riscv64"), ("etcdutl", "riscv64"),
        ("etcdctl", "arm64"), ("etcdctl", "amd64"), ("vegeta", "arm64"),
    ]
    echo = ingredients(replace(real, toolchain=site.toolchain, service=Service(framework="echo")), local)
    assert echo.forms == ("users-echo", "users")
    assert [one.service for one in other_recipes(echo, real, load_target("riscv64"), tmp_path)] == [
        "users", "etcd", "etcdutl"], "no machine is known: no tool can be built for it"


def test_a_machine_that_no_target_knows_is_said() -> None:
    with pytest.raises(Blocked, match="calls its machine vax"):
        native("vax")


def test_the_pinned_version_is_read_from_the_module() -> None:
    assert VEGETA.version == "12.13.0"


def test_a_binary_for_another_machine_is_found_out_in_its_one_verdict(
    site: Site, local: LocalShell, services: Path, tmp_path: Path
) -> None:
    found: Ingredients = ingredients(site, local, services)
    recipe = recipe_for("hello", found.sources, found.go, load_target("riscv64"), tmp_path)
    built = build(recipe, local, tmp_path / "builds")
    assert fits(built).state is State.PASS
    assert fits(built).figures["compile.hello.size"].value == built.path.stat().st_size
    wrong = fits(replace(built, recipe=replace(recipe, target="loong64")))
    assert wrong.state is State.FAIL and "for the right machine" in wrong.reason
    both = Artefacts(built, (replace(built, recipe=replace(recipe, target="amd64")),))
    assert str(both).splitlines()[1].startswith("hello for the host that it runs on")
    assert "hello" in both._repr_html_() and str(Recipes(recipe)) == str(recipe)
