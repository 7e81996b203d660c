"""The test of the notebooks' test: what nbval must not let pass is put into copies, and it does not pass."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from runbook.site import ROOT
from runbook.targets import of_machine
from runbook.testbed.bed import Bed

NOTEBOOK = ROOT / "notebooks" / "00_start.ipynb"
Found = dict[str, dict[str, str]]


class Copy:
    """A notebook's copy, changed by hand: `stored` is what a reader sees, `source` is what runs."""

    def __init__(self) -> None:
        self._told = json.loads(NOTEBOOK.read_text())
        self._cells = {cell["id"]: cell for cell in self._told["cells"]}
        self.order = [cell["id"] for cell in self._told["cells"] if cell["cell_type"] == "code"]

    def source(self, id: str, was: str, now: str) -> None:
        text = "".join(self._cells[id]["source"])
        assert was in text
        self._cells[id]["source"] = text.replace(was, now)

    def stored(self, id: str, was: str, now: str) -> None:
        data = self._cells[id]["outputs"][0]["data"]
        text = "".join(data["text/plain"])
        assert was in text
        data["text/plain"] = text.replace(was, now)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self._told))


@pytest.fixture(scope="module")
def found(bed: Bed) -> Iterator[Found]:
    """What nbval, called as `make test` calls it, says of each copy: the complaint by cell's id; "" where it passed.

    The copies lie below the project's root, so that its own conftest.py and pyproject.toml hold for them.
    """
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="nbval-", dir=cache))
    own = of_machine(os.uname().machine)
    assert own is not None, "this machine has a target file"
    site = folder / "own.toml"
    told = bed.site_file.read_text().replace("../.cache", str(cache))
    site.write_text(told.replace('name = "testbed"', 'name = "own"').replace('"riscv64"', f'"{own.name}"'))

    copies = {name: Copy() for name in ("tampered", "verdict", "warning")}
    copies["tampered"].stored("observe", "node2: 6 questions", "node2: 7 questions")
    copies["verdict"].source("parameters", '"sites/testbed.toml"', f'"{site}"')
    copies["warning"].source("decide", "plans = ", "import warnings; warnings.warn('it is late')\nplans = ")
    try:
        yield judged(folder, copies)
    finally:
        shutil.rmtree(folder)


def judged(folder: Path, copies: dict[str, Copy]) -> Found:
    for name, copy in copies.items():
        copy.write(folder / f"{name}.ipynb")
    result = folder / "result.xml"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNBOOK_")}
    done = subprocess.run([sys.executable, "-m", "pytest", "--color=no", f"--junitxml={result}", folder],
                          cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 1, done.stdout + done.stderr
    found: Found = {name: {} for name in copies}
    for case in ElementTree.parse(result).iter("testcase"):
        name, failure = str(case.get("classname")).split(".")[-2], case.find("failure")
        cell = copies[name].order[int(str(case.get("name")).removeprefix("Cell "))]
        found[name][cell] = "" if failure is None else failure.text or ""
    assert all(set(cells) == set(copies[name].order) for name, cells in found.items()), "every cell was judged"
    return found


def wrong(cells: dict[str, str]) -> set[str]:
    return {id for id, complaint in cells.items() if complaint}


def test_a_stored_output_that_was_tampered_with_fails_its_cell_and_no_other(found: Found) -> None:
    assert wrong(found["tampered"]) == {"observe"}
    complaint = found["tampered"]["observe"]
    assert "mismatch 'text/plain'" in complaint
    assert "- node2: 6 question" in complaint and "+ node2: 7 question" in complaint


def test_a_verdict_that_is_another_than_the_stored_one_fails_its_cell(found: Found) -> None:
    """The same hosts, judged for this machine's own target: what was skipped passes, and that is no small thing."""
    complaint = found["verdict"]["verify"]
    assert "-  machine: pass, it is " in complaint and "+  machine: skipped, it is not riscv64" in complaint
    assert wrong(found["verdict"]) == {"open", "verify"}, "the site is called otherwise where the chapter opens"


def test_a_warning_fails_its_cell_though_all_outputs_are_as_stored(found: Found) -> None:
    assert wrong(found["warning"]) == {"decide"}
    assert "stderr" in found["warning"]["decide"]
