"""Old runs are removed; what is still needed is not, whatever is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook.__main__ import main
from runbook.report.pruning import Old, prune, to_remove
from runbook.run import Run
from tests.report.conftest import Sample


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    return tmp_path / "reports"


def written(folder: Path, hour: int, state: str = "passed", *, changes: int = 0, mode: str = "act") -> Path:
    """A run of that hour; an empty state leaves it open."""
    sample = Sample(folder / f"20261123-{hour:02}0000-sample", mode=mode)

    def work() -> None:
        sample.verdict("it", "pass", "so")
        if changes:
            sample.step("node1", "the unit is not there", changed=changes)

    sample.chapter("00_start", work)
    if state:
        return sample.close(state)
    sample.journal.close()
    return sample.folder


def there(folder: Path) -> list[int]:
    return sorted(int(path.name[9:11]) for path in folder.iterdir() if not path.is_symlink())


def test_the_newest_stay_and_older_ones_go(folder: Path) -> None:
    for hour in range(5):
        written(folder, hour)
    found = prune(2)
    assert there(folder) == [3, 4] and len(found.removed) == 3 and found.size > 0


def test_the_newest_good_one_stays_however_old_it_is(folder: Path) -> None:
    written(folder, 1)
    written(folder, 2)
    for hour in (3, 4, 5):
        written(folder, hour, "failed")
    assert "the newest of its site that passed" in str(prune(1))
    assert there(folder) == [2, 5]


def test_a_check_that_passed_is_not_the_good_one(folder: Path) -> None:
    written(folder, 1)
    written(folder, 2, mode="check")
    prune(1)
    assert there(folder) == [1, 2]


@pytest.mark.parametrize(
    ("more", "says"),
    [({"state": ""}, "it has not ended"), ({"changes": 2, "state": "failed"}, "1 of its steps stand on hosts")],
)
def test_a_run_that_is_still_needed_stays(folder: Path, more: dict, says: str) -> None:
    written(folder, 1, **more)
    written(folder, 2)
    assert says in str(prune(1))
    assert there(folder) == [1, 2]


def test_a_damaged_journal_is_evidence_and_stays(folder: Path) -> None:
    path = written(folder, 1) / "journal.jsonl"
    path.write_text(path.read_text().replace("sample", "simple", 1))
    written(folder, 2)
    assert "its journal does not hold" in str(prune(1))
    assert there(folder) == [1, 2]


def test_a_run_that_a_chain_works_in_stays(folder: Path) -> None:
    run = Run(written(folder, 1, "failed"))
    written(folder, 2)
    with run.alone():
        assert "works in it" in str(prune(1))
    assert there(folder) == [1, 2]


def test_each_site_keeps_its_own() -> None:
    runs = [Old(Path(name), site, good) for name, site, good in
            [("6", "a", False), ("5", "b", True), ("4", "a", True), ("3", "a", True), ("2", "b", True)]]
    going, staying = to_remove(runs, 1)
    assert [str(old.folder) for old in going] == ["3", "2"] and [str(old.folder) for old in staying] == ["4"]


def test_none_at_all_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prune", "--keep", "0"]) == 2
    assert "expected 1 or more" in capsys.readouterr().err
    assert main(["prune", "--keep", "3"]) == 0
    assert "0 runs removed" in capsys.readouterr().out
