"""The legacy set on the testbed's hosts: what an old Go built is deployed, kept, closed to strangers, and loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook.chapters.compile.modules import LEGACY
from runbook.chapters.etcd.cluster import Member
from runbook.chapters.etcd.start import check_words
from runbook.chapters.request import request
from runbook.contents import title_of
from runbook.remote.command import command
from runbook.remote.fleet import Fleet
from runbook.remote.unrecorded import Unrecorded
from runbook.report.ground import with_all_needs
from runbook.site import ROOT, load_site
from runbook.testbed.bed import Bed
from runbook.toml_text import toml_text
from tests.chapters.compile.test_legacy import DEBIAN

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]
WAYS = {"legacy modules by the newest Go": {"modules": "legacy"},
        "legacy modules by an old Go of the site's": {"modules": "auto", "go": f"dir:{DEBIAN}"}}
SHORT = ("-p", "02.packages=sort", "-p", "08.repeats=1", "-p", "08.seconds=3")
"""What is put to the test is the deployment, not the toolchain, and that load is borne, not how much."""
PINNED = {"users": ("github.com/gin-gonic/gin", "v1.8.1"), "users-echo": ("github.com/labstack/echo/v4", "v4.9.0"),
          "etcd": ("go.etcd.io/etcd/api/v3", "v3.5.5"), "etcdutl": ("go.etcd.io/etcd/api/v3", "v3.5.5"),
          "etcdctl": ("go.etcd.io/etcd/api/v3", "v3.5.5"), "vegeta": ("github.com/tsenart/vegeta/v12", "")}
"""What each says that it is made of; of vegeta, which has no part of its own name, only whose it is."""


@dataclass(frozen=True)
class Deployed:
    """A run of the whole chain whose deployment stands."""

    site: Path
    folder: Path
    code: int
    said: str

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.folder / "summary.json").read_text())


def runbook(reports: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "RUNBOOK_RUN"}
    return subprocess.run([sys.executable, "-m", "runbook", *words], cwd=ROOT, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1200,
                          env=environment | {"RUNBOOK_REPORTS": str(reports)})


@contextmanager
def deployed(bed: Bed, folder: Path, toolchain: dict[str, str]) -> Iterator[Deployed]:
    """The bed's site with that [toolchain]; taken back afterwards, which has to end well."""
    site, reports = folder / "legacy.toml", folder / "reports"
    told = bed.site_file.read_text().replace("../.cache", str(ROOT / ".cache"))
    site.write_text(told.replace('name = "testbed"', 'name = "legacy"') + "\n" + toml_text({"toolchain": toolchain}))
    ran = runbook(reports, "run", "--site", str(site), "--only", "08_load_test", *SHORT)
    try:
        yield Deployed(site, (reports / "latest").resolve(), ran.returncode, ran.stdout)
    finally:
        back = runbook(reports, "undo", "latest")
    assert back.returncode == 0, back.stdout


@pytest.mark.parametrize("way", WAYS)
def test_the_legacy_set_is_deployed_keeps_users_past_mutual_tls_and_bears_load(
    bed: Bed, tmp_path: Path, way: str
) -> None:
    if not (DEBIAN / "bin" / "go").exists():
        pytest.skip("no golang-1.19: run setup/debian")
    with deployed(bed, tmp_path, WAYS[way]) as seen:
        assert seen.code == 0, seen.said
        passed = {one["name"] for one in seen.summary["chapters"] if one["state"] == "pass"}
        assert passed == {"08_load_test"} | with_all_needs(title_of("08_load_test"))
        assert_pinned(seen.folder / "artifacts", old_go="go" in WAYS[way])
        kept = [one for chapter in seen.summary["chapters"] for one in chapter["verdicts"]
                if one["what"] in ("the service keeps users in the cluster", "who has no right is refused",
                                   "signed by a key that is trusted")]
        assert len(kept) == 4 * 3 and {one["state"] for one in kept} == {"pass"}, kept
        assert seen.summary["numbers"]["load.gin_default.node1"]["value"] > 0
        assert_it_serves(seen)


def assert_pinned(artifacts: Path, *, old_go: bool) -> None:
    """By what each binary says of itself."""
    passports = {path.name.partition(".")[0]: tomllib.loads(path.read_text())
                 for path in artifacts.glob("*.passport.toml")}
    assert passports.keys() == PINNED.keys()
    for name, (path, version) in PINNED.items():
        own = {passports[name]["build"]["module"]: ""}
        modules = own | {one["path"]: one["version"] for one in passports[name]["module"]}
        assert modules.get(path) == version, (name, modules)
        assert f"-modfile={LEGACY}" in passports[name]["build"]["flags"], name
    assert {one["build"]["go"].startswith("go1.19") for one in passports.values()} == {old_go}


def assert_it_serves(seen: Deployed) -> None:
    """Asked on each host, and of each member by the runbook's own client."""
    site = load_site(seen.site)
    with Fleet.open(site, recorder=Unrecorded()) as fleet:
        for host in site.hosts:
            ping = request(fleet[host.name], host, site.service.port, "GET", "/ping")
            assert (ping.status, ping.json["message"], ping.json["goarch"]) == (200, "pong", site.target), str(ping)
            words = check_words(Member(host.name, host.address).client_url)
            told = fleet[host.name].run(command(*words, "endpoint", "status", "--write-out=json", sudo=True)).text
            assert [one["Status"]["version"] for one in json.loads(told)] == ["3.5.5"]
            assert "etcdctl version: 3.5.5" in fleet[host.name].run(command(*words, "version", sudo=True)).text
