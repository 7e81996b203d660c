"""What every test may ask for: the rehearsal's hosts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from runbook.testbed.bed import Bed

ROOT = Path(__file__).parent


@pytest.fixture(scope="session")
def bed() -> Iterator[Bed]:
    """The testbed of sites/testbed.toml, standing; the last of the sessions that borrow it takes it down.

    One that somebody brought up before stays. `bed.site_file` is the site to open a fleet with.
    """
    if os.geteuid() != 0:
        pytest.skip("the testbed needs root: namespaces, mounts and a bridge are made")
    from runbook.testbed.bed import borrowed  # here: most tests need no testbed, and start sooner without it

    with borrowed(ROOT / "sites" / "testbed.toml") as standing:
        yield standing
