"""Programs to read: built once by the project's own Go, for a machine that is not this one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runbook.site import ROOT

SOURCE = """package main

import "os"

func main() { os.Exit(0) }
"""


@pytest.fixture(scope="session")
def riscv64_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static program for riscv64; skipped with the reason where set-up found no Go."""
    go = ROOT / ".cache" / "go" / "bin" / "go"
    if not go.exists():
        pytest.skip("no Go in .cache/go: run setup/prepare")
    folder = tmp_path_factory.mktemp("program")
    (folder / "main.go").write_text(SOURCE)
    wanted = {
        "GOOS": "linux",
        "GOARCH": "riscv64",
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "",
        "GOWORK": "off",
        "GO111MODULE": "off",
    }
    subprocess.run(
        [go, "build", "-o", "program", "main.go"],
        cwd=folder,
        env=os.environ | wanted,
        check=True,
        timeout=300,
    )
    return folder / "program"
