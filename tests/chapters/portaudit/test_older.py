"""A Go that is too old for what a module requires: older versions are known, proposed as a difference, and proven."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.compile.decide import TAGS
from runbook.chapters.compile.observe import SERVICES
from runbook.chapters.portaudit.apply import DIFF, RECORD, apply
from runbook.chapters.portaudit.audit import audit
from runbook.chapters.portaudit.cause import Cause
from runbook.chapters.portaudit.door import proposed
from runbook.chapters.portaudit.older import older_file
from runbook.chapters.portaudit.remedy import Older
from runbook.chapters.toolchain.observe import Go, find_go
from runbook.elf import read
from runbook.errors import Blocked
from runbook.remote.local import LocalShell
from runbook.site import ROOT, load_site
from runbook.targets import Target
from tests.chapters.compile.test_legacy import DEBIAN, released, said
from tests.chapters.gos import with_go
from tests.chapters.portaudit.conftest import SYS, run_go

pytestmark = pytest.mark.timeout(400)
NEW, OLD = "v0.49.0", "v0.0.0-20220811171246-fbc7d0a398ab"
"""Of x/sys, as services/go.mod and services/go.legacy.mod have it: set-up fetched both."""
USES = 'package m\n\nimport "golang.org/x/sys/unix"\n\nvar Page = unix.Getpagesize()\n'
KNOWN = (Older("a.test/known", "v1.1.0", (1, 16)), Older("a.test/beside", "v0.3.0", (1, 16)),
         Older("a.test/newer", "v2.0.0", (1, 21)))
MODFILE = """module m

go 1.26.0

toolchain go1.26.8

require (
\ta.test/known v1.12.0
\ta.test/newer v3.0.0
\ta.test/unknown v1.0.0
)

require (
\ta.test/beside v0.49.0 // indirect
\ta.test/brought v1.0.0 // indirect
)

tool (
\ta.test/known/cmd
)

replace a.test/unknown => ./here
"""
OLDER = """module m

go 1.19


require (
\ta.test/known v1.1.0
\ta.test/newer v3.0.0
\ta.test/unknown v1.0.0
)

require (
\ta.test/beside v0.3.0 // indirect
)


replace a.test/unknown => ./here
"""


@pytest.fixture
def old(local: LocalShell) -> Go:
    if not (DEBIAN / "bin" / "go").exists():
        pytest.skip("no golang-1.19: run setup/debian")
    return go_in(DEBIAN, local)


def go_in(root: Path, local: LocalShell) -> Go:
    return find_go(with_go(load_site(ROOT / "sites" / "testbed.toml"), "dir", str(root)), local)


def test_a_module_file_is_rewritten_for_the_go_that_is_there(old_go: Go) -> None:
    go = replace(old_go, version="1.19.8")
    made = older_file(MODFILE, go, KNOWN)
    assert made.after == OLDER
    assert made.pins == {"a.test/known": ("v1.12.0", "v1.1.0"), "a.test/beside": ("v0.49.0", "v0.3.0")}
    assert "-\ta.test/known v1.12.0\n+\ta.test/known v1.1.0" in made.diff
    assert older_file(OLDER, go, KNOWN).after == OLDER, "once is enough"
    assert older_file("module m\n\ngo 1.16\n\nrequire a.test/known v1.12.0\n", go, KNOWN).after.endswith(
        "go 1.16\n\nrequire a.test/known v1.1.0\n")


@pytest.mark.parametrize("asks", ["1.26.0", "1.16"])
def test_an_older_version_is_proposed_written_into_a_copy_and_builds(
    module: Callable[..., Path], old: Go, target: Target, local: LocalShell, tmp_path: Path, asks: str
) -> None:
    """The module itself may ask for the newer Go, so that nothing is listed; or only what it requires needs it."""
    sums = [line for line in (SERVICES / "go.sum").read_text().splitlines(True) if line.startswith(f"{SYS} ")]
    folder = module({"m.go": USES, "go.mod": f"module example.test/m\n\ngo {asks}\n\nrequire {SYS} {NEW}\n",
                     "go.sum": "".join(sums)})
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    seen = audit(folder, old, target, local)
    assert {one.cause for one in seen.findings} == {Cause.NEWER_GO}, str(seen)
    first = seen.findings[0]
    assert first.module is not None and first.wants == "1.26"
    if asks == "1.16":
        assert first.module.path == SYS
        assert "is not in this Go's library; golang.org/x/sys/unix imports it" in first.words
    else:
        assert first.module.is_main and seen.packages == 0
    assert "older versions of modules" in str(seen) and "--apply FOLDER" in str(seen)
    assert f"-require {SYS} {NEW}\n+require {SYS} {OLD}" in proposed(seen, old)

    ported = apply(seen, old, target, local, tmp_path / "port")
    assert ported.after.ok, str(ported)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert f"+require {SYS} {OLD}" in (ported.folder / DIFF).read_text()
    record = json.loads((ported.folder / RECORD).read_text())
    assert record["modules"][SYS]["version"] == OLD and record["modules"][SYS]["instead_of"] == NEW
    assert "go.legacy.mod" in record["modules"][SYS]["source"]


def test_what_was_never_fetched_is_named_with_the_command(
    module: Callable[..., Path], old: Go, target: Target, local: LocalShell, tmp_path: Path
) -> None:
    folder = module({"m.go": USES, "go.mod": f"module example.test/m\n\ngo 1.26.0\n\nrequire {SYS} {NEW}\n"})
    empty = replace(old, settings={**old.settings, "GOMODCACHE": str(tmp_path / "empty")})
    seen = audit(folder, empty, target, local)
    with pytest.raises(Blocked, match="were never fetched") as refused:
        apply(seen, empty, target, local, tmp_path / "port")
    assert f"go mod download {SYS}@{OLD}" in refused.value.next


@pytest.mark.long
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("root", [DEBIAN, "1.16.15", "1.22.12"], ids=str)
def test_the_newest_services_come_down_to_what_an_old_go_builds_and_run(
    root: Path | str, target: Target, local: LocalShell, tmp_path: Path
) -> None:
    """From services/go.mod as it is: what comes out is what services/go.legacy.mod has, found by the audit."""
    go = go_in(root if isinstance(root, Path) else released(root), local)
    folder = tmp_path / "services"
    shutil.copytree(SERVICES, folder, ignore=lambda path, names: {"go.legacy.mod", "go.legacy.sum"} & set(names))
    flags = (f"-tags={TAGS}",)
    seen = audit(folder, go, target, local, flags=flags)
    assert [one.cause for one in seen.findings] == [Cause.NEWER_GO] and seen.packages == 0
    ported = apply(seen, go, target, local, tmp_path / "port", flags=flags)
    assert ported.after.ok and ported.after.packages > 300, str(ported)
    for form in ("users", "users-echo"):
        program = tmp_path / form
        run_go(go, folder, "build", "-trimpath", *ported.flags, "-o", str(program), f"./{form}", goarch=target.goarch)
        assert f"linux/{target.goarch} go{go.version}" in said(program, "-version")
    told = read(tmp_path / "users").go
    assert told is not None and told.dependencies["github.com/gin-gonic/gin"] == "v1.8.1"
    assert told.dependencies[SYS] == OLD
