"""The programs of signing, for this machine, and keys of a test's own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook.chapters.signing.keys import Keys, make_keys
from runbook.chapters.signing.programs import signer, verifier
from runbook.chapters.toolchain.observe import PREPARED
from runbook.journal import Journal
from runbook.remote.local import LocalShell
from runbook.site import ROOT, load_site

NOW = datetime(2027, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def programs() -> Iterator[tuple[Path, Path]]:
    """What signs with SM2, and what checks: built, or from the cache."""
    if not (PREPARED / "bin" / "go").exists():
        pytest.skip("no Go in .cache/go: run setup/prepare")
    with tempfile.TemporaryDirectory() as folder:
        shell = LocalShell(Journal(Path(folder)))
        site = load_site(ROOT / "sites" / "testbed.toml")
        yield signer(site, shell).path, verifier(os.uname().machine, site, shell).path


@pytest.fixture
def keys(programs: tuple[Path, Path], local: LocalShell, tmp_path: Path) -> Keys:
    return make_keys(tmp_path / "keys", programs[0], local, at=NOW, lifetime=timedelta(days=90))
