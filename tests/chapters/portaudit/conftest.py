"""Modules whose porting is audited: etcd's own, with an architecture taken out of two of its dependencies."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook.chapters.toolchain.observe import PREPARED, Go, find_go
from runbook.remote.local import LocalShell
from runbook.site import ROOT, load_site
from runbook.targets import Target, load_target

SYS, BBOLT = "golang.org/x/sys", "go.etcd.io/bbolt"


@pytest.fixture
def go(local: LocalShell) -> Go:
    if not (PREPARED / "bin" / "go").exists():
        pytest.skip("no Go in .cache/go: run setup/prepare")
    return find_go(load_site(ROOT / "sites" / "testbed.toml"), local)


@pytest.fixture
def target() -> Target:
    return load_target("riscv64")


def run_go(go: Go, folder: Path, *words: str, goarch: str = "") -> str:
    """What Go says, offline; it must end well."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GOROOT": str(go.root), "GOPROXY": "off",
                   "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOENV": "off", "CGO_ENABLED": "0", **go.settings}
    environment |= {"GOOS": "linux", "GOARCH": goarch} if goarch else {}
    done = subprocess.run([str(go.program), *words], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def without_architecture(module: str, go: Go, folder: Path, goarch: str, into: Path) -> None:
    """A copy of the module as the one in `folder` pins it, without the files named for the architecture."""
    shutil.copytree(run_go(go, folder, "list", "-m", "-f", "{{.Dir}}", module), into)
    for path in (into, *into.rglob("*")):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    taken = [path for path in into.rglob("*") if goarch in path.name]
    for path in taken:
        path.unlink()
    run_go(go, folder, "mod", "edit", f"-replace={module}={into}")


@pytest.fixture
def unported(go: Go, target: Target, tmp_path: Path) -> Path:
    """services/etcd, which pins etcd's programs, with x/sys and bbolt as if they had never heard of the target."""
    folder = tmp_path / "etcd"
    shutil.copytree(ROOT / "services" / "etcd", folder)
    for module in (SYS, BBOLT):
        without_architecture(module, go, folder, target.goarch, tmp_path / "modules" / module.rpartition("/")[2])
    return folder


@pytest.fixture
def module(tmp_path: Path) -> Callable[..., Path]:
    """A module of these files, by their paths; `go.mod` is written where it is not given."""

    def made(files: dict[str, str], go: str = "1.21") -> Path:
        folder = tmp_path / "module"
        for name, text in {"go.mod": f"module example.test/m\n\ngo {go}\n", **files}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder

    return made
