"""What every test may ask for: the rehearsal's hosts; and how the notebooks' stored outputs are compared."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from runbook.testbed.bed import Bed

ROOT = Path(__file__).parent
FOR_PEOPLE = ("text/html", "application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json")
"""Figures and tables with times and sizes: they differ from run to run; text/plain is what is compared."""
UNTIL_THE_END = pytest.StashKey[ExitStack]()


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Notebooks come last: they deploy on the hosts that other tests look at as they were."""
    for item in items:
        if _is_cell(item) and not set(FOR_PEOPLE) <= set(item.parent.skip_compare):
            item.parent.skip_compare += FOR_PEOPLE
    items.sort(key=_is_cell)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before the first cell: the testbed stands, and the run goes to a folder that nobody keeps."""
    if not _is_cell(item) or UNTIL_THE_END in item.config.stash:
        return
    if os.geteuid() != 0:
        pytest.skip("the notebooks need the testbed, and that needs root")
    from runbook.testbed.bed import borrowed

    held = item.config.stash[UNTIL_THE_END] = ExitStack()
    held.enter_context(borrowed(ROOT / "sites" / "testbed.toml"))
    os.environ["RUNBOOK_REPORTS"] = held.enter_context(tempfile.TemporaryDirectory(prefix="runbook-reports-"))


def pytest_unconfigure(config: pytest.Config) -> None:
    held = config.stash.get(UNTIL_THE_END, None)
    if held is not None:
        os.environ.pop("RUNBOOK_REPORTS", None)
        held.close()


def _is_cell(item: pytest.Item) -> bool:
    """Whether it is a notebook's cell, which nbval collected."""
    return type(item).__name__ == "IPyNbCell"
