"""The parameters cell: types come from it, and unknown names are refused before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runbook.errors import ParameterError
from runbook.report.parameters import chosen, parameters_of

CELL = """site: str = "sites/testbed.toml"  # the site's file
run: str = ""  # the run to join
check: bool = False  # change nothing
only_hosts: list = []  # empty: all
confirm: str = ""  # the site's name
version: str = "1.9"  # of the service
replicas: int = 3  # members
ratio: float = 0.5  # of it all
"""


def notebook(folder: Path, *sources: str) -> Path:
    cells = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"tags": ["parameters"]},
            "outputs": [],
            "execution_count": None,
            "source": source,
        }
        for number, source in enumerate(sources)
    ]
    path = folder / "04_container_deploy.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


@pytest.fixture
def known(tmp_path: Path) -> dict:
    return {"04_container_deploy": parameters_of(notebook(tmp_path, CELL))}


def test_the_cell_tells_names_types_defaults_and_helps(known: dict) -> None:
    found = known["04_container_deploy"]
    assert found["replicas"].type is int and found["replicas"].default == 3
    assert found["replicas"].help == "members"
    assert list(found) == ["site", "run", "check", "only_hosts", "confirm", "version", "replicas", "ratio"]


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("04_container_deploy.version=1.10", "version", "1.10"),
        ("04.replicas=5", "replicas", 5),
        ("container_deploy.ratio=1e-3", "ratio", 0.001),
        ("04.only_hosts=node1, node2", "only_hosts", ["node1", "node2"]),
        ('04.only_hosts=["node1"]', "only_hosts", ["node1"]),
        ("04.version=a=b", "version", "a=b"),
    ],
)
def test_a_value_has_the_type_of_its_cell(known: dict, text: str, name: str, value: object) -> None:
    assert chosen([text], known) == {"04_container_deploy": {name: value}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("04_container_deploy.replica=5", "did you mean replicas?"),
        ("04_container_deplyo.replicas=5", "did you mean 04_container_deploy?"),
        ("04.replicas=five", "'five' is no int"),
        ("04.only_hosts=[1", "is no list"),
        ("04.check=true", "say --check"),
        ("04.site=other.toml", "say --site FILE"),
        ("replicas=5", "write -p CHAPTER.NAME=VALUE"),
        ("04.replicas", "write -p CHAPTER.NAME=VALUE"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_say(known: dict, text: str, says: str) -> None:
    with pytest.raises(ParameterError) as caught:
        chosen([text], known)
    assert says in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_notebook_with_two_parameters_cells_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="2 cells have the tag"):
        parameters_of(notebook(tmp_path, CELL, CELL))


def test_a_parameter_without_a_type_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="line 2: `size = 3` is no parameter"):
        parameters_of(notebook(tmp_path, 'site: str = ""\nsize = 3\n'))


def test_a_file_that_is_no_notebook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    path.write_text("{")
    with pytest.raises(ParameterError, match="no notebook"):
        parameters_of(path)
