"""What the rooms' tests share: a recorded local shell, the project's Go, and a small service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.chapters.toolchain.observe import PREPARED, Go
from runbook.journal import Journal
from runbook.remote.local import LocalShell
from runbook.site import Site, load_site

MAIN = """package main

import "fmt"

var version = "unstamped"

func main() { fmt.Println(version) }
"""


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    folder = tmp_path / "run"
    folder.mkdir()
    return Journal(folder)


@pytest.fixture
def local(journal: Journal) -> Iterator[LocalShell]:
    shell = LocalShell(journal)
    yield shell
    shell.close()


@pytest.fixture
def services(tmp_path: Path) -> Path:
    """A module with one service that needs nothing from outside."""
    folder = tmp_path / "services"
    (folder / "hello").mkdir(parents=True)
    (folder / "go.mod").write_text("module example.test/services\n\ngo 1.21\n")
    (folder / "hello" / "main.go").write_text(MAIN)
    return folder


SITE = f"""schema = 1
name = "bench"
target = "riscv64"

[[host]]
name = "node1"
address = "local"
roles = ["service"]

[toolchain]
go = "dir:{PREPARED}"

[service]
name = "hello"
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """One host, the riscv64 target, the small service, the Go that set-up prepared."""
    if not (PREPARED / "bin" / "go").exists():
        pytest.skip("no Go in .cache/go: run setup/prepare")
    (tmp_path / "site.toml").write_text(SITE)
    return load_site(tmp_path / "site.toml")


@pytest.fixture
def old_go(tmp_path: Path) -> Go:
    """A Go that is only described: for decisions, which run nothing."""
    settings = {"GOMODCACHE": "/modules", "GOCACHE": "/cache", "GOHOSTOS": "linux", "GOHOSTARCH": "amd64"}
    return Go(tmp_path / "old", "1.16.4", frozenset({"linux/amd64", "linux/sw64"}), settings, "dir")
