"""What the tests of a staged build share: small projects, and a recipe over them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chapters.toolchain.cross import tiny


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    tiny.needs_the_cross_compiler()
    return tiny.write_projects(tmp_path / "sources")


@pytest.fixture
def recipe_file(tmp_path: Path, projects: Path) -> Path:
    return tiny.write_recipe(tmp_path, projects)
