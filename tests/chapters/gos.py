"""Go toolchains for tests: another one for a site, and one that only answers."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from runbook.site import GoSource, Site
from runbook.site_tables import Toolchain


def with_go(site: Site, kind: str, where: str, host: str = "") -> Site:
    return replace(site, toolchain=Toolchain(go=GoSource(kind, where, host=host)))


def copied_sources(go: Path, folder: Path) -> Path:
    """The source tree of an installed Go, without what is built of it, copied to `folder`."""
    whole = go.resolve()
    return Path(shutil.copytree(whole, folder, symlinks=True, ignore=lambda at, _: {"bin", "pkg", "test", ".git"}
                                if Path(at) == whole else set()))


def fake_go(folder: Path, *, lists: str, version: str = "go version go1.16.4 linux/amd64") -> Path:
    """A folder whose bin/go answers as a Go of that version would."""
    (folder / "bin").mkdir(parents=True)
    settings = json.dumps(
        {"GOMODCACHE": "/modules", "GOCACHE": "/cache", "GOHOSTOS": "linux", "GOHOSTARCH": "x"}
    )
    program = folder / "bin" / "go"
    program.write_text(
        "#!/bin/sh\ncase $1 in\n"
        f"  tool) echo '{lists}';;\n  env) echo '{settings}';;\n  version) echo '{version}';;\n  list) ;;\n"
        '  *) echo "taught nothing about $1" >&2; exit 9;;\nesac\n'
    )
    program.chmod(0o755)
    return folder
