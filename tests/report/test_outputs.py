"""Stored outputs: what a cell showed, without what changes from run to run."""

from __future__ import annotations

import json
from pathlib import Path

from runbook.report.outputs import with_outputs


def notebook(path: Path, *cells: dict, **metadata: object) -> Path:
    path.write_text(json.dumps({"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))
    return path


def code(id: str, count: int | None, *outputs: dict, **metadata: object) -> dict:
    return {
        "cell_type": "code",
        "id": id,
        "metadata": metadata,
        "execution_count": count,
        "source": id,
        "outputs": list(outputs),
    }


def test_outputs_go_to_the_cells_of_the_same_id_and_counts_are_those_of_the_order(tmp_path: Path) -> None:
    shown = {"output_type": "execute_result", "execution_count": 7, "metadata": {}, "data": {"text/plain": "ok"}}
    source = notebook(tmp_path / "a.ipynb", code("parameters", None, tags=["parameters"]), code("act", None))
    executed = notebook(
        tmp_path / "b.ipynb",
        code("act", 7, shown, papermill={"duration": 3.5}, execution={"iopub.status.idle": "2026"}),
        code("parameters", 6, papermill={"duration": 0.1}),
        papermill={"duration": 4},
        language_info={"name": "python", "version": "3.11.7"},
    )
    told = json.loads(with_outputs(source, executed))
    assert [cell["execution_count"] for cell in told["cells"]] == [1, 2]
    assert told["cells"][1]["outputs"] == [{**shown, "execution_count": 2}]
    assert told["cells"][0]["metadata"] == {"tags": ["parameters"]} and told["cells"][1]["metadata"] == {}
    assert "papermill" not in json.dumps(told) and "3.11.7" not in json.dumps(told)


def test_the_same_outputs_twice_are_the_same_bytes(tmp_path: Path) -> None:
    source = notebook(tmp_path / "a.ipynb", code("act", None), kernelspec={"name": "python3"})
    executed = notebook(tmp_path / "b.ipynb", code("act", 1))
    once = with_outputs(source, executed)
    source.write_text(once)
    assert with_outputs(source, executed) == once and once.endswith("\n")
