"""The audit of real modules: precisely the causes that are there, and a remedy that makes it build and run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.portaudit.apply import DIFF, OVERLAY, RECORD, apply
from runbook.chapters.portaudit.audit import audit
from runbook.chapters.portaudit.cause import Cause
from runbook.chapters.portaudit.door import port_audit
from runbook.chapters.portaudit.graph import Graph, by_what_was_said, parse_packages, tools_of
from runbook.chapters.portaudit.prove import prove
from runbook.chapters.portaudit.remedy import NewFile, Remedy
from runbook.chapters.toolchain.observe import Go
from runbook.chapters.visit import visit
from runbook.errors import Blocked, UsageError
from runbook.remote.fleet import Fleet
from runbook.remote.local import LocalShell
from runbook.remote.unrecorded import Unrecorded
from runbook.site import ROOT, load_site
from runbook.targets import Target, load_target
from runbook.testbed.bed import Bed
from tests.chapters.portaudit.conftest import BBOLT, SYS, run_go

pytestmark = pytest.mark.timeout(400)
Made = Callable[..., Path]
UTL = "go.etcd.io/etcd/etcdutl/v3"
WARM_SECONDS = 5.0
WARM = """
import sys, time
from pathlib import Path
from runbook.chapters.portaudit.audit import audit
from runbook.chapters.toolchain.observe import find_go
from runbook.remote.local import LocalShell
from runbook.remote.unrecorded import Unrecorded
from runbook.site import load_site
from runbook.targets import load_target
local = LocalShell(Unrecorded())
go = find_go(load_site(sys.argv[1]), local)
began = time.monotonic()
audit(Path(sys.argv[2]), go, load_target("riscv64"), local, patterns=(sys.argv[3],))
print(time.monotonic() - began)
"""
"""In a process of its own: what other tests left in this one is not the audit's cost."""


def test_an_architecture_taken_out_is_found_at_its_roots_and_mended(
    unported: Path, go: Go, target: Target, local: LocalShell, tmp_path: Path, bed: Bed
) -> None:
    seen = audit(unported, go, target, local, patterns=(UTL,))
    assert {(one.module.path if one.module else "", one.package): one.cause for one in seen.findings} == {
        (SYS, f"{SYS}/unix"): Cause.SYMBOL,
        (SYS, f"{SYS}/cpu"): Cause.SYMBOL,
        (BBOLT, f"{BBOLT}/internal/common"): Cause.SYMBOL,
    }
    assert seen.failing == 3 and seen.waiting > 50 and seen.builds + seen.failing + seen.waiting == seen.packages
    first = seen.findings[0]
    assert (first.package, first.where.partition(":")[0]) == (f"{SYS}/unix", "affinity_linux.go")
    assert "cpuMask" in first.names and any("linux" in name for name in first.lie_in)
    assert not [name for one in seen.findings for name in one.lie_in if "windows" in name or "aix" in name]

    words = [sys.executable, "-c", WARM, str(bed.site_file), str(unported), UTL]
    warm = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT)
    assert 0 < float(warm.stdout) < WARM_SECONDS

    ported = apply(seen, go, target, local, tmp_path / "port", patterns=(UTL,))
    assert ported.after.ok, str(ported)
    assert "all" in str(ported.after) and len(ported.applied) == 3
    assert "+const MaxMapSize" in (ported.folder / DIFF).read_text()
    record = json.loads((ported.folder / RECORD).read_text())
    assert set(record["modules"]) == {SYS, BBOLT} and record["go"] == go.version
    program = tmp_path / "etcdutl"
    run_go(go, unported, "build", "-trimpath", *ported.flags, "-o", str(program), UTL,
           goarch=target.goarch)
    with Fleet.open(load_site(bed.site_file), hosts=("node1",), recorder=Unrecorded()) as fleet:
        came = visit(fleet["node1"], program, "version", limit=60)
        assert came.exit_code == 0 and "etcdutl version: 3." in came.output, str(came)
        proofs = prove(ported, go, target, local, fleet["node1"], "another")
    told = {one.package: one for one in proofs}
    assert told.keys() == {f"{SYS}/unix", f"{SYS}/cpu", f"{BBOLT}/internal/common"}
    assert told[f"{BBOLT}/internal/common"].ok and " passed" in str(told[f"{BBOLT}/internal/common"])
    newer = told[f"{SYS}/unix"]  # its tests know more than the toolchain's copy has: said, and no proof
    assert not newer.ok and "_test.go:" in newer.why and "not proven" in str(newer), str(newer)
    with pytest.raises(UsageError, match="is not empty"):
        apply(seen, go, target, local, tmp_path / "port")


def test_the_module_itself_is_mended_by_an_overlay_and_stays_as_it_is(
    module: Made, go: Go, target: Target, local: LocalShell, tmp_path: Path
) -> None:
    folder = module({
        "use.go": 'package m\n\nimport "example.test/m/inner/system"\n\nvar X = system.Name\n',
        "inner/system/all.go": "package system\n",
        "inner/system/name_amd64.go": 'package system\n\nconst Name = "one"\n',
    })
    remedy = Remedy("example.test/m", frozenset((Cause.SYMBOL,)), "a name", "this test", files=(
        NewFile("inner/system", "name_{goarch}.go", ("Name",), 'package system\n\nconst Name = "other"\n', "little"),
        NewFile("inner/system", "name_{goarch}.go", ("Name",), "no Go", "big"),
        NewFile("elsewhere", "name_{goarch}.go", ("Name",), "no Go")))
    seen = audit(folder, go, target, local)
    (finding,) = seen.findings
    assert finding.names == ("system.Name",) and remedy.helps(finding, go, target)
    before = sorted(path.name for path in folder.rglob("*"))
    ported = apply(replace(seen, remedies={finding: remedy}), go, target, local, tmp_path / "port")
    assert ported.after.ok and sorted(path.name for path in folder.rglob("*")) == before
    name = f"name_{target.goarch}.go"
    assert (tmp_path / "port" / "own" / "inner" / "system" / name).read_text().endswith('"other"\n')
    assert f"+++ example.test/m/inner/system/{name}" in (tmp_path / "port" / DIFF).read_text()
    assert f"-overlay={tmp_path / 'port' / OVERLAY}" in str(ported)
    record = json.loads((tmp_path / "port" / RECORD).read_text())
    assert record["modules"]["example.test/m"]["sha256"]


def test_nothing_of_the_module_or_of_gos_cache_is_changed(
    unported: Path, go: Go, target: Target, local: LocalShell, tmp_path: Path
) -> None:
    def everything() -> dict[str, bytes]:
        folders = (unported, tmp_path / "modules")
        return {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}

    before = everything()
    apply(audit(unported, go, target, local, patterns=(BBOLT,)), go, target, local, tmp_path / "port",
          patterns=(BBOLT,))
    assert everything() == before


def test_every_class_of_cause_is_told_from_the_others(module: Made, go: Go, target: Target, local: LocalShell) -> None:
    folder = module({
        "symbol/all.go": "package symbol\n\nvar X = perArchitecture\n",
        "symbol/one_amd64.go": "package symbol\n\nconst perArchitecture = 1\n",
        "nofile/one_amd64.go": "package nofile\n",
        "assembly/f.go": "package assembly\n\nfunc F() int\n",
        "assembly/f_amd64.s": "TEXT ·F(SB), 4, $0\n\tRET\n",
        "needsc/c.go": 'package needsc\n\nimport "C"\n',
        "calls/c.go": 'package calls\n\nimport "syscall"\n\nvar N = syscall.SYS_OPEN\n',
        "broken/b.go": "package broken\n\nfunc F() int { return nowhere }\n",
        "user/u.go": "package user\n" + "".join(f'\nimport _ "example.test/m/{name}"' for name in (
            "symbol", "broken", "nofile", "needsc")) + "\n",
        "fine/f.go": "package fine\n",
        "half/always.go": "package half\n",
        "half/with.go": '//go:build cgo\n\npackage half\n\nimport "C"\n\nfunc Maps() {}\n',
        "asks/a.go": 'package asks\n\nimport "example.test/m/half"\n\nvar _ = half.Maps\n',
    })
    seen = audit(folder, go, target, local)
    found = {one.package.rpartition("/")[2]: one for one in seen.findings}
    assert {name: one.cause for name, one in found.items()} == {
        "symbol": Cause.SYMBOL, "nofile": Cause.NO_FILE, "assembly": Cause.ASSEMBLY, "needsc": Cause.CGO,
        "calls": Cause.SYSCALL, "broken": Cause.SOURCE, "asks": Cause.CGO,
    }
    assert found["asks"].lie_in == ("half/with.go",) and found["needsc"].lie_in == ("c.go",)
    assert found["nofile"].words == "build constraints exclude all Go files"
    assert (found["symbol"].where, found["symbol"].lie_in) == ("all.go:3", ("one_amd64.go",))
    assert found["assembly"].lie_in == ("f_amd64.s",)
    assert found["symbol"].breaks == found["broken"].breaks == 1 and found["calls"].breaks == 0
    assert (found["broken"].where, found["broken"].words) == ("b.go:3", "undefined: nowhere")
    assert seen.waiting == 1 and "needs a person" in str(seen)
    assert not seen.remedies


def test_a_package_that_a_pattern_skips_is_told_where_it_is_for_others_of_this_system(
    module: Made, go: Go, target: Target, local: LocalShell
) -> None:
    own = go.settings["GOHOSTARCH"]
    folder = module({
        "fine.go": "package m\n",
        f"lonely/one_{own}.go": "package lonely\n",
        f"mixed/one_{own}.go": "package mixed\n",
        "mixed/c_windows.go": 'package mixed\n\nimport "C"\n',
        "needsc/c.go": 'package needsc\n\nimport "C"\n',
        "elsewhere/w_windows.go": "package elsewhere\n",
        "gen/gen.go": "//go:build ignore\n\npackage main\n",
        f"testdata/t_{own}.go": "package t\n",
        "other/go.mod": "module example.test/other\n",
        f"other/o_{own}.go": "package other\n",
    })
    seen = audit(folder, go, target, local)
    assert {one.package.rpartition("/")[2]: (one.cause, one.lie_in) for one in seen.findings} == {
        "lonely": (Cause.NO_FILE, (f"one_{own}.go",)),
        "mixed": (Cause.NO_FILE, (f"one_{own}.go",)),
        "needsc": (Cause.CGO, ("c.go",)),
    }
    assert audit(folder, go, target, local, patterns=(".",)).ok, "what was not asked for is no matter"


def test_a_constant_that_is_written_out_and_differs_on_the_target_is_found(
    module: Made, go: Go, target: Target, local: LocalShell
) -> None:
    folder = module({
        "open.go": "package m\n\n// Not in syscall.\nconst O_PATH = 010000000\n\nvar F = O_PATH\n",
        "fine.go": "package m\n\nconst (\n\tO_NONBLOCK int = 0x800\n\tSIGCHLD = 20 + 1\n)\n",
        f"own_{target.goarch}.go": "package m\n\nconst MADV_DONTNEED = 4\n",
    })
    assert audit(folder, go, target, local).ok
    other = replace(target, constants={"O_PATH": 0o40000000, "O_NONBLOCK": 4, "SIGCHLD": 20,
                                         "MADV_DONTNEED": 6})
    seen = audit(folder, go, other, local)
    assert [(one.cause, one.where, one.names) for one in seen.findings] == [
        (Cause.CONSTANT, "fine.go:4", ("O_NONBLOCK",)), (Cause.CONSTANT, "open.go:4", ("O_PATH",))]
    assert "O_PATH is 0o10000000 here and 0o40000000 on the target" in str(seen) and not seen.ok
    assert seen.builds == seen.packages, "it compiles, and does something else"


def test_a_comment_among_the_tools_is_none(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module m\n\n// tool not/this\ntool (\n\ta.test/one // why\n\t// b.test/no\n)\n"
                                     "\ntool c.test/two // because\n")
    assert tools_of(tmp_path) == ("a.test/one", "c.test/two")


def test_a_module_that_needs_a_newer_go_says_which(module: Made, go: Go, target: Target, local: LocalShell) -> None:
    seen = audit(module({"main.go": "package m\n"}, go="1.99"), go, target, local)
    assert [(one.cause, one.wants) for one in seen.findings] == [(Cause.NEWER_GO, "1.99")]
    assert not seen.ok and "1.99" in str(seen)


def test_a_name_that_the_standard_library_lacks_wants_a_newer_go(
    module: Made, go: Go, target: Target, local: LocalShell
) -> None:
    seen = audit(module({"m.go": 'package m\n\nimport "sync/atomic"\n\nvar V atomic.NotYet\n'}), go, target, local)
    assert [(one.cause, one.names) for one in seen.findings] == [(Cause.NEWER_GO, ("atomic.NotYet",))]


def test_an_old_gos_list_is_read_by_what_it_said() -> None:
    """Go 1.16 to 1.18 list nothing with -export where anything fails; seen with 1.16.15."""
    told = [{"ImportPath": "m/root"}, {"ImportPath": "m/user", "Imports": ["m/root"]}, {"ImportPath": "m/fine"}]
    text = "".join(json.dumps({"Name": "m", "Module": {"Path": "m"}, **one}) for one in told)
    graph = Graph(by_what_was_said(parse_packages(text, "# m/root\nroot/r.go:3:9: undefined: x\n")))
    assert {path: one.built for path, one in graph.packages.items()} == {
        "m/root": False, "m/user": False, "m/fine": True}
    assert [one.path for one in graph.failing] == ["m/root"]
    assert graph.waiting_for() == {"m/root": {"m/user"}}


def test_a_file_for_an_architecture_that_this_go_does_not_know_is_found(
    module: Made, go: Go, target: Target, local: LocalShell
) -> None:
    unknown = load_target("sw64").goarch
    assert f"linux/{unknown}" not in go.targets
    folder = module({"a.go": "package m\n", f"a_{unknown}.go": "package m\n\nconst X = 1\n",
                     f"b_{unknown}.go": f"//go:build {unknown}\n\npackage m\n\nconst Y = 1\n"})
    seen = audit(folder, go, target, local)
    assert [(one.cause, one.lie_in) for one in seen.findings] == [(Cause.SWALLOWED, (f"a_{unknown}.go",))]


def test_a_module_that_builds_is_clean_and_ends_with_0(module: Made, go: Go) -> None:
    folder = module({"main.go": 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println(1) }\n'})
    code, text = port_audit(str(folder), "riscv64")
    assert code == 0 and text.endswith("packages build") and "all " in text
    broken = module({"main.go": "package main\n\nfunc main() { nowhere() }\n"})
    code, text = port_audit(str(broken), "riscv64", as_json=True)
    told = json.loads(text)
    assert code == 1 and told["fails"] == 1 and told["findings"][0]["cause"] == "SOURCE"


def test_what_stands_in_the_way_of_an_audit_is_said(module: Made, go: Go, tmp_path: Path, local: LocalShell) -> None:
    with pytest.raises(Blocked, match="no go.mod there"):
        port_audit(str(tmp_path), "riscv64")
    with pytest.raises(Blocked, match="does not build for linux/sw64"):
        port_audit(str(module({"a.go": "package m\n"})), "sw64")
    missing = module({"a.go": 'package m\n\nimport _ "example.test/never-fetched"\n'})
    seen = audit(missing, go, load_target("riscv64"), local)
    assert seen.failing == 1 and "never-fetched" in seen.findings[0].words
