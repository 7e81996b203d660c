"""The table in docs/calling-conventions.md is what the recorded probes show, cell by cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook.chapters.abi.across import FACTS, GIVEN, fact_of, item_of
from runbook.chapters.abi.columns import columns
from runbook.chapters.abi.convention import ITEMS, convention_of
from runbook.chapters.abi.items import ALL
from runbook.chapters.abi.measure import Measured
from runbook.targets import load_target
from runbook.verdict import Basis

ROOT = Path(__file__).resolve().parents[3]
RECORDED = ROOT / "tests" / "recorded" / "abi-probes"
SAID, EXPECTED = "article says of SW64", "SW64, expected"
BY_MACHINE = ("bytes.signal_context",)  # of headers that a distribution may mend


def documented() -> dict[str, dict[str, str]]:
    """By head of a column the cells of the first table, by their rows."""
    lines = (ROOT / "docs" / "calling-conventions.md").read_text().split("\n## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return {head: {row[0]: row[number].replace("`", "") for row in rows[2:]}
            for number, head in enumerate(rows[0]) if head}


@pytest.mark.parametrize("target", ["alpha", "riscv64", "arm64", "amd64"])
def test_every_cell_of_a_measured_column_is_what_its_recorded_probe_shows(target: str) -> None:
    (cells,) = (column for head, column in documented().items() if head.startswith(f"{target}, measured"))
    one = Measured(load_target(target), basis=Basis.EMULATED, convention=convention_of((RECORDED / target).read_text()))
    told = {item: item_of(one, item) for item in ITEMS}
    told |= {title: fact_of(one, name) for name, title in FACTS.items()
             if not name.startswith(GIVEN) and name not in BY_MACHINE}
    assert {row: cells[row] for row in told} == told


def test_what_is_expected_and_what_the_article_says_come_from_their_files() -> None:
    table, expected, said = documented(), Measured(load_target("sw64")), columns()["sw64"]
    assert {item: table[EXPECTED][item] for item in ITEMS} == {item: item_of(expected, item) for item in ITEMS}
    assert {item: table[SAID][item] for item in ITEMS} == {item: ALL[item].said(said) for item in ITEMS}
