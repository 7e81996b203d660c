"""Remedies are data: each file is whole, names its source, and a damaged one is refused by its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runbook.chapters.compile.modules import LEGACY
from runbook.chapters.compile.modules import sums as sums_of
from runbook.chapters.compile.observe import SERVICES
from runbook.chapters.portaudit.remedy import FOLDER, read_remedy, remedies
from runbook.errors import RunbookError


def test_every_remedy_names_its_source_and_is_of_one_kind() -> None:
    assert len(remedies()) == len(list(FOLDER.glob("*.toml"))) >= 2
    for remedy in remedies():
        assert remedy.source and remedy.title and remedy.causes
        assert [bool(kind) for kind in (remedy.toolchain, remedy.files, remedy.older)].count(True) == 1
        for file in remedy.files:
            assert "{goarch}" in file.name and all(name in file.text for name in file.declares)


def test_the_older_versions_are_those_of_the_legacy_sets() -> None:
    """What is proposed for a Go is what was built by it: each stands in a go.legacy.mod, or one brings it."""
    pins = dict(re.findall(r"^(?:require )?\s*(\S+) (v\S+)", "\n".join(
        file.read_text() for file in SERVICES.rglob(LEGACY)), re.MULTILINE))
    sums = (SERVICES / sums_of(LEGACY)).read_text()
    (known,) = [remedy.older for remedy in remedies() if remedy.older]
    assert len(known) > 10 and len({one.module for one in known}) == len(known)
    for one in known:
        assert pins.get(one.module, one.version) == one.version, one
        assert one.module in pins or f"{one.module} {one.version} h1:" in sums, one


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
