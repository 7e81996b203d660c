"""Modules that one meets on such servers, for an architecture that their authors left out. They are fetched."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.portaudit.apply import apply
from runbook.chapters.portaudit.audit import Audit, audit
from runbook.chapters.portaudit.cause import Cause
from runbook.chapters.toolchain.observe import Go
from runbook.remote.local import LocalShell
from runbook.targets import load_target

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]
TARGET = "loong64"


def fetched(module: str, go: Go, into: Path) -> Path:
    """A copy of the module with all that it needs in Go's cache: the one place where a test uses the network."""
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}

    def say(*words: str, folder: Path) -> str:
        return subprocess.run([str(go.program), *words], cwd=folder, env=environment, capture_output=True, text=True,
                              check=True, timeout=600).stdout

    shutil.copytree(json.loads(say("mod", "download", "-json", module, folder=into))["Dir"], into / "module")
    for path in (into / "module", *(into / "module").rglob("*")):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    say("mod", "download", folder=into / "module")
    return into / "module"


def causes(seen: Audit) -> dict[str, Cause]:
    return {one.package.rpartition("/")[2]: one.cause for one in seen.findings}


def test_containerd_lacks_one_file_and_builds_with_it(go: Go, local: LocalShell, tmp_path: Path) -> None:
    target = load_target(TARGET)
    folder = fetched("github.com/containerd/containerd@v1.7.13", go, tmp_path)
    subprocess.run([str(go.program), "mod", "download", "github.com/frankban/quicktest@v1.14.0"], cwd=tmp_path,
                   check=True, timeout=120)
    seen = audit(folder, go, target, local)
    assert causes(seen) == {"internal": Cause.SYMBOL, "btrfs": Cause.CGO, "plugin": Cause.CGO}
    first = seen.findings[0]
    assert first.package == "github.com/cilium/ebpf/internal" and "NativeEndian" in first.names and first.breaks >= 20
    ported = apply(seen, go, target, local, tmp_path / "port")
    assert causes(ported.after) == {"btrfs": Cause.CGO, "plugin": Cause.CGO} and ported.after.waiting == 0


def test_runc_needs_two_functions_and_then_cgo(go: Go, local: LocalShell, tmp_path: Path) -> None:
    target = load_target(TARGET)
    seen = audit(fetched("github.com/opencontainers/runc@v1.1.12", go, tmp_path), go, target, local)
    assert causes(seen) == {"libcontainer": Cause.SYMBOL, "nsenter": Cause.CGO, "specconv": Cause.CGO}
    ported = apply(seen, go, target, local, tmp_path / "port")
    assert causes(ported.after) == {"nsenter": Cause.CGO, "specconv": Cause.CGO}


def test_node_exporter_builds_whole(go: Go, local: LocalShell, tmp_path: Path) -> None:
    seen = audit(fetched("github.com/prometheus/node_exporter@v1.8.2", go, tmp_path), go, load_target(TARGET), local)
    assert seen.ok, str(seen)


def test_containerds_fifo_writes_a_constant_out(go: Go, local: LocalShell, tmp_path: Path) -> None:
    """For a target whose O_PATH is another number, by its description; the Go here does not know that target."""
    other = replace(load_target(TARGET), constants=load_target("sw64").constants)
    seen = audit(fetched("github.com/containerd/fifo@v1.1.0", go, tmp_path), go, other, local)
    assert {one.cause for one in seen.findings} == {Cause.CONSTANT}
    own = [one.names for one in seen.findings if one.module and one.module.path == "github.com/containerd/fifo"]
    assert own == [("O_PATH",)], "x/sys says more: what all architectures that it knows have in common"
