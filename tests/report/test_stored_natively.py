"""The notebook that compiles, stored for this machine's own architecture too, is what a run shows."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

import pytest

from runbook.report.outputs import COMPILES, NATIVELY, natively
from runbook.report.progress import Plain
from runbook.report.selection import NOTEBOOKS
from runbook.site import ROOT, load_site
from runbook.targets import load_target, of_machine
from runbook.testbed.bed import Bed

STORED = sorted(NATIVELY.glob("*.ipynb"))


def shown(text: str) -> dict[str, list[str]]:
    """What each cell shows, as nbval compares it."""
    return {cell["id"]: ["".join(one["data"].get("text/plain", "")) for one in cell["outputs"]]
            for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"}


def sources(text: str) -> Mapping[str, str]:
    return {cell["id"]: "".join(cell["source"]) for cell in json.loads(text)["cells"]}


def test_each_notebook_that_compiles_is_stored_for_another_target_than_the_rehearsals() -> None:
    rehearsed = load_site(ROOT / "sites" / "testbed.toml").target
    assert {path.name.partition(".")[0] for path in STORED} == set(COMPILES)
    for path in STORED:
        name, target = path.name.split(".")[:2]
        own = (NOTEBOOKS / f"{name}.ipynb").read_text()
        assert sources(path.read_text()) == sources(own), f"{path.name}: run `make outputs`"
        said = "\n".join(text for texts in shown(path.read_text()).values() for text in texts)
        assert target != rehearsed and load_target(target).goarch in said and rehearsed not in said
        assert shown(path.read_text()).keys() == shown(own).keys()


@pytest.mark.long
def test_a_run_for_this_machines_own_architecture_shows_what_is_stored(
    bed: Bed, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = of_machine(os.uname().machine)
    stored = {path.name: path for path in STORED if own and path.name.split(".")[1] == own.name}
    if not stored:
        pytest.skip(f"nothing is stored for this machine, {os.uname().machine}")
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path_factory.mktemp("reports")))
    monkeypatch.delenv("RUNBOOK_RUN", raising=False)
    now = natively(Plain())
    assert now.keys() == stored.keys()
    for name, path in stored.items():
        assert shown(now[name]) == shown(path.read_text()), name
