from __future__ import annotations

from pathlib import Path

import pytest

from runbook.contents import CONTENTS, chain, title_of
from runbook.errors import ParameterError

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def test_every_chapter_is_a_notebook_and_every_notebook_a_chapter() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == {title.name for title in CONTENTS}


def test_a_chapter_needs_only_chapters_before_it() -> None:
    seen: set[str] = set()
    for title in CONTENTS:
        assert set(title.needs) <= seen
        seen.add(title.name)


def test_a_chapter_is_found_by_its_number_and_by_its_words() -> None:
    assert title_of("03") == title_of("static_compile") == title_of("03_static_compile")


def test_an_unknown_chapter_is_answered_with_the_nearest() -> None:
    with pytest.raises(ParameterError, match="did you mean 03_static_compile"):
        title_of("03_static_compiel")


def test_an_unattended_run_never_tears_down() -> None:
    assert "90_teardown" not in {title.name for title in chain()}
