"""The peers that are programs: each in an environment of its own below .cache/, made at its first use."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from runbook.site import ROOT

VERSIONS = {"ansible-core": "2.19.14", "pyinfra": "3.10.0"}
"""Of November 2026, both for Python 3.11."""


def program(package: str, name: str) -> Path:
    """The program of a peer. Raises CalledProcessError where it cannot be installed."""
    home = ROOT / ".cache" / "peers" / f"{package}-{VERSIONS[package]}"
    if not (home / "made").exists():
        uv = str(ROOT / "setup" / "uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--no-python-downloads", "--python", ">=3.11,<3.14", home],
                       check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--compile-bytecode", f"{package}=={VERSIONS[package]}"],
                       check=True, env={**os.environ, "VIRTUAL_ENV": str(home)})
        (home / "made").touch()
    return home / "bin" / name
