"""What a database knows of a binary's modules is found; without a database nothing is called clean."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from runbook.chapters.compile.build import build
from runbook.chapters.compile.decide import recipe_for
from runbook.chapters.compile.observe import ingredients
from runbook.chapters.compile.vulnerabilities import (
    NOT_CHECKED,
    Finding,
    database_problem,
    known_in,
    parse_findings,
)
from runbook.chapters.toolchain.observe import Go, find_go
from runbook.remote.local import LocalShell
from runbook.site import AcceptedRisk, Site
from runbook.targets import load_target
from runbook.verdict import State

TODAY = date(2027, 3, 1)
ID = "GO-2099-0001"


def database(folder: Path, module: str = "stdlib", fixed: str = "99.0.0") -> Path:
    """Of one vulnerability, laid out as vuln.go.dev is (go.dev/security/vuln/database)."""
    at = "2099-01-01T00:00:00Z"
    entry = {"schema_version": "1.3.1", "id": ID, "modified": at, "published": at, "details": "It is only for a test.",
             "affected": [{"package": {"name": module, "ecosystem": "Go"},
                           "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
                           "ecosystem_specific": {"imports": [{"path": "fmt"}]}}]}
    listed = [{"path": module, "vulns": [{"id": ID, "modified": at, "fixed": fixed}]}]
    for name, value in {"index/db.json": {"modified": at}, "index/modules.json": listed,
                        "index/vulns.json": [{"id": ID, "modified": at}], f"ID/{ID}.json": entry}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(value))
    return folder


def with_database(site: Site, folder: Path | None) -> Site:
    return replace(site, toolchain=replace(site.toolchain, vulnerabilities=folder))


@pytest.fixture
def go(site: Site, local: LocalShell) -> Go:
    return find_go(site, local)


@pytest.fixture
def hello(site: Site, go: Go, local: LocalShell, services: Path, tmp_path: Path) -> dict[str, Path]:
    found = ingredients(site, local, services)
    recipe = recipe_for("hello", found.sources, go, load_target("riscv64"), tmp_path)
    return {"hello": build(recipe, local, tmp_path / "builds").path}


def test_an_empty_database_is_none_although_govulncheck_takes_it(
    hello: dict[str, Path], site: Site, go: Go, local: LocalShell, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for folder, why in ((None, "the site names no database"), (tmp_path / "empty", "is no database"),
                        (tmp_path / "nowhere", "is no database")):
        verdict = known_in(hello, with_database(site, folder), go, local, TODAY)
        assert verdict.state is State.SKIPPED and verdict.reason.startswith(NOT_CHECKED) and why in verdict.reason


def test_a_database_that_is_not_whole_is_none(tmp_path: Path) -> None:
    folder = database(tmp_path)
    assert database_problem(folder) == ""
    (folder / "ID" / f"{ID}.json").unlink()
    assert f"lacks 1 of its 1 entries, such as {ID}" in database_problem(folder)
    (folder / "index" / "modules.json").write_text("[]")
    assert "without a single vulnerability" in database_problem(folder)
    (folder / "index" / "modules.json").write_text("{")
    assert "its index cannot be read" in database_problem(folder)


@pytest.mark.long  # compiles govulncheck
def test_what_the_database_knows_is_found_unless_the_site_accepts_it(
    hello: dict[str, Path], site: Site, go: Go, local: LocalShell, tmp_path: Path
) -> None:
    known = with_database(site, database(tmp_path / "known"))
    verdict = known_in(hello, known, go, local, TODAY)
    assert verdict.state is State.FAIL, verdict
    assert verdict.reason.startswith(f"{ID} in stdlib v{go.version}, mended in v99.0.0 (hello)")
    risk = AcceptedRisk(ID.lower(), "somebody", "a test", date(2027, 12, 31))
    taken = known_in(hello, replace(known, accepted=(risk,)), go, local, TODAY)
    assert taken.state is State.PASS and f"the site accepts {ID}" in taken.reason
    assert known_in(hello, replace(known, accepted=(replace(risk, until=date(2027, 1, 1)),)), go, local,
                    TODAY).state is State.FAIL, "an acceptance that has lapsed does not count"
    other = with_database(site, database(tmp_path / "other", module="example.org/other"))
    assert known_in(hello, other, go, local, TODAY).state is State.PASS


def test_a_go_that_is_too_old_for_govulncheck_checks_nothing(
    hello: dict[str, Path], site: Site, local: LocalShell, old_go: Go, tmp_path: Path
) -> None:
    verdict = known_in(hello, with_database(site, database(tmp_path)), old_go, local, TODAY)
    assert verdict.state is State.SKIPPED and verdict.reason.startswith(NOT_CHECKED) and "1.16.4" in verdict.reason


def test_findings_are_read_once_for_each_module_and_an_end_too_soon_is_an_error() -> None:
    finding = {"osv": ID, "fixed_version": "v2", "trace": [{"module": "m", "version": "v1"}]}
    text = json.dumps({"config": {}}) + "\n" + json.dumps({"finding": finding}) * 2
    assert parse_findings(text) == (Finding(ID, "m", "v1", "v2"),)
    for broken in ("", text[:-3], json.dumps({"progress": {}})):
        with pytest.raises(ValueError):
            parse_findings(broken)
