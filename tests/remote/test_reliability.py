"""What is lost, left and said when something breaks: seen on the testbed, and as docs/reliability.md has it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook.testbed.bed import Bed
from tests.remote.reliability import (
    FOLDER,
    OF_ITSELF,
    Row,
    Scene,
    after_a_command,
    after_a_lease,
    after_a_transfer,
    before,
    before_a_command,
    during_a_command,
    during_a_folder,
    during_a_lease,
    during_a_transfer,
    ended_process,
    not_allowed,
    of_itself,
)

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"

TRIALS: tuple[tuple[Callable[..., Row], tuple[object, ...]], ...] = (
    *((before_a_command, name) for name in (
        ("partition", "all"), ("refusing",), ("sshd-down",), ("sshd-silent",), ("host-key",), ("sudo-revoked",),
        ("freeze-host",), ("loss", "20"), ("flapping",), ("delay", "300"), ("jitter", "200", "150"))),
    *((after_a_command, name) for name in (("partition", "all"), ("reset",), ("reboot",), ("freeze-host",))),
    *((of_itself, (what,)) for what in OF_ITSELF),
    (not_allowed, ()),
    *((during_a_command, name) for name in (("partition", "all"), ("reset",), ("reboot",), ("freeze-host",))),
    *((during_a_lease, name) for name in (("partition", "all"), ("reset",), ("reboot",), ("freeze-host",),
                                          ("flapping",))),
    *((before, ("lease", *name)) for name in (("partition", "all"), ("sshd-down",), ("freeze-host",), ("reset",),
                                              ("reboot",))),
    *((after_a_lease, name) for name in (("partition", "all"), ("reset",), ("reboot",), ("freeze-host",))),
    *((before, ("transfer", *name)) for name in (("partition", "all"), ("sshd-down",), ("freeze-host",), ("reset",),
                                                 ("reboot",))),
    *((after_a_transfer, name) for name in (("partition", "all"), ("reset",), ("reboot",), ("freeze-host",))),
    *((during_a_transfer, name) for name in (("partition", "all"), ("reset",), ("reboot",), ("freeze-host",),
                                             ("full-disk", FOLDER, "1024"), ("read-only", FOLDER))),
    *((during_a_folder, name) for name in (("partition", "all"), ("reset",), ("reboot",), ("freeze-host",))),
    *((ended_process, (what, number)) for what in ("command", "lease", "transfer", "folder")
      for number in (signal.SIGINT, signal.SIGKILL)),
)


@pytest.fixture(scope="module")
def scene(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    marks: Iterator[str] = (str(number) for number in range(33_000_001, 33_001_000))
    return Scene(bed, tmp_path_factory.mktemp("reliability"), marks)


LONG = (before, after_a_lease, after_a_transfer)
"""Trials of which a command's or a transfer's tell nearly as much: they wait for `make test-long`."""


@pytest.mark.parametrize(("trial", "words"), [
    pytest.param(trial, words, id="-".join((trial.__name__, *map(str, words))),
                 marks=[pytest.mark.long] if trial in LONG else []) for trial, words in TRIALS])
def test_it_is_as_the_page_says(scene: Scene, trial: Callable[..., Row], words: tuple[object, ...]) -> None:
    row = trial(scene, *words)
    seen = os.environ.get("RUNBOOK_RELIABILITY_SEEN")  # a file for the rows: how the page's table is made
    if seen:
        with open(seen, "a") as file:
            print(row, file=file)
        return
    assert str(row) in PAGE.read_text().splitlines(), f"the page has no such row:\n{row}"


def test_the_page_has_no_row_that_nobody_tries() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| a ")]
    assert len(rows) == len(TRIALS)
