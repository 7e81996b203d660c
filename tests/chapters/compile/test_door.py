"""The chapter's doors in a run of its own, on the real service: papers, signatures, and what finds them wrong."""

from __future__ import annotations

import base64
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapter import Chapter
from runbook.chapters.compile import door
from runbook.chapters.compile.artefacts import Artefacts, Recipes
from runbook.chapters.compile.vulnerabilities import KNOWN
from runbook.chapters.containers import door as containers
from runbook.chapters.containers.container import Container
from runbook.contents import title_of
from runbook.errors import Blocked
from runbook.remote.fleet import Fleet
from runbook.report.verification import verify
from runbook.run import Run
from runbook.show.picture import Picture
from runbook.site import Site
from runbook.verdict import State


@pytest.fixture
def opened(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chapter]:
    """Chapter 03 of a run on this machine alone, for the service of the project."""
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    made = Run.start(replace(site, service=replace(site.service, name="users")))
    chapter = Chapter(title_of("03"), made, Fleet.open(made.site, recorder=made.journal), check=False, confirm="",
                      options={})
    yield chapter
    chapter.fleet.close()


@pytest.fixture
def made(opened: Chapter) -> Artefacts:
    recipes = opened.decide(door.recipes, opened.observe(door.ingredients), opened.site, opened.target)
    return opened.act(door.built, Recipes(recipes.deployed))


def test_a_binary_gets_its_papers_and_signatures_and_the_run_holds(opened: Chapter, made: Artefacts) -> None:
    passports = opened.act(door.passports, made)
    picture = opened.act(door.made_of, made)
    seals = opened.act(door.sealed, made, passports)
    assert str(passports) == f"users: static, by go{made.deployed.recipe.go.version}, equal when built again, " \
                             "no path of this machine"
    assert isinstance(picture, Picture)
    assert str(seals) == "1 binary is signed with ECDSA and SM2, each with where it comes from"
    assert opened.verify(door.are_what_was_asked_for, made).verdicts.state is State.PASS
    (signed,) = opened.verify(door.are_signed, made, seals).verdicts
    assert signed.state is State.PASS, signed
    told = {one.what: one for one in opened.verify(door.are_known, made, passports).verdicts}
    assert told[door.LICENCES].state is State.PASS, told[door.LICENCES]
    assert told[KNOWN].state is State.SKIPPED and "not checked" in told[KNOWN].reason

    folder = opened.run.artifacts
    assert tomllib.loads((folder / "users.passport.toml").read_text())["elf"]["ldd"]
    assert len(json.loads((folder / "users.cdx.json").read_text())["components"]) > 20
    statement = json.loads(base64.b64decode(json.loads((folder / "users.intoto.json").read_text())["payload"]))
    built = statement["predicate"]["buildDefinition"]
    names = [one["name"] for one in built["resolvedDependencies"]]
    assert names[0] == "sources" and any(name.startswith("github.com/gin-gonic/gin v") for name in names)
    assert {one["name"] for one in statement["predicate"]["runDetails"]["byproducts"]} == {
        "users.passport.toml", "users.cdx.json"}
    found = verify(opened.run.folder)
    assert found.ok and found.signatures.held == 1, str(found)
    text = (opened.run.folder / "journal.jsonl").read_text()
    assert "PRIVATE KEY" not in text and (opened.run.folder / "signing" / "sm2.key").stat().st_mode & 0o777 == 0o600


def test_what_was_changed_after_it_was_signed_is_found(opened: Chapter, made: Artefacts) -> None:
    seals = opened.act(door.sealed, made, opened.act(door.passports, made))
    other = opened.run.folder / "users"
    other.write_bytes(made.deployed.path.read_bytes() + b"x")
    (verdict,) = door.are_signed(opened, Artefacts(replace(made.deployed, path=other)), seals)
    assert verdict.state is State.FAIL and "users was changed after it was signed" in verdict.reason


def test_expired_keys_sign_nothing(opened: Chapter, made: Artefacts) -> None:
    passports = opened.act(door.passports, made)
    opened.act(door.sealed, made, passports)
    trust = opened.run.folder / "signing" / "trust.json"
    trust.write_text(re.sub(r'"not_after": "\d+', '"not_after": "2020', trust.read_text()))
    with pytest.raises(Blocked, match="expired: no host would take what is signed now"):
        opened.act(door.sealed, made, passports)


def test_a_deployment_is_sealed_by_the_keys_of_the_build_or_not_at_all(opened: Chapter, made: Artefacts) -> None:
    unit = replace(opened.site, service=replace(opened.site.service, deploy="unit"))
    plain = Chapter(title_of("04"), opened.run, opened.fleet, check=False, confirm="", options={})
    packed = containers.wanted(plain)
    assert isinstance(packed, Container) and packed.sealed is not None
    assert packed.sealed.seal.name == "users.image.tar" and set(packed.sealed.verifiers) == {"node1"}
    opened.run.site = unit
    with pytest.raises(Blocked, match=r"has no `users.intoto.json` yet"):
        containers.wanted(plain)
    opened.act(door.sealed, made, opened.act(door.passports, made))
    sealed = containers.wanted(plain).sealed
    assert sealed is not None and sealed.seal.name == "users"
    assert sealed.seal.trust == packed.sealed.seal.trust
    opened.run.site = replace(unit, signing=replace(unit.signing, on_hosts=False))
    assert containers.wanted(plain).sealed is None
    opened.run.site = replace(unit, signing=replace(unit.signing, keys=opened.run.folder / "nowhere"))
    with pytest.raises(Blocked, match="no key to sign with"):
        containers.wanted(plain)
