"""Remedies are data: each file is whole, names its source, and a damaged one is refused by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook.chapters.portaudit.remedy import FOLDER, read_remedy, remedies
from runbook.errors import RunbookError


def test_every_remedy_names_its_source_and_is_of_one_kind() -> None:
    assert len(remedies()) == len(list(FOLDER.glob("*.toml"))) >= 2
    for remedy in remedies():
        assert remedy.source and remedy.title and remedy.causes
        assert bool(remedy.toolchain) != bool(remedy.files)
        for file in remedy.files:
            assert "{goarch}" in file.name and all(name in file.text for name in file.declares)


@pytest.mark.parametrize(
    ("change", "says"),
    [(('causes = ["SYMBOL"]', 'causes = ["MAGIC"]'), "MAGIC"), (("module = ", "modul = "), "module"),
     (("[[file]]", "[[nothing]]"), "either a"), (("module", "= ="), "no remedy")],
)
def test_a_damaged_file_is_refused_by_its_name(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    damaged = tmp_path / "damaged.toml"
    damaged.write_text((FOLDER / "bbolt.toml").read_text().replace(*change))
    with pytest.raises(RunbookError, match="damaged.toml") as refused:
        read_remedy(damaged)
    assert says in str(refused.value)
