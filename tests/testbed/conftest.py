"""A small bed of these tests' own: what they break is not what others use."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.testbed.bed import Bed, down
from tests.testbed.small_bed import HOST, SITE, SmallBed, Ssh, ssh_to


@pytest.fixture(scope="session")
def alone() -> Iterator[None]:
    """One session at a time uses the small bed: its name and addresses are the same in all of them."""
    with open(Path(tempfile.gettempdir(), "runbook-bedtest.lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture
def small(alone: None, tmp_path: Path) -> Iterator[SmallBed]:
    """A bed of one host, 198.18.9.0/24, down."""
    if os.geteuid() != 0:
        pytest.skip("the testbed needs root: namespaces, mounts and a bridge are made")
    file = tmp_path / "bedtest.toml"
    file.write_text(SITE + HOST)
    down(file)  # a session that was killed may have left one
    yield SmallBed(file)
    down(file)


@pytest.fixture
def ask(bed: Bed) -> Ssh:
    """`ask("node1", "uname -m")`: what a host of the session's bed answers its operator."""
    assert bed.standing()

    def on(host: str, command: str, *, fails: bool = False, stdin: bytes = b"") -> str:
        return ssh_to(bed.layout, host, command, fails=fails, stdin=stdin)

    return on
