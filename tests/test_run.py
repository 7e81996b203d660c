from __future__ import annotations

from pathlib import Path

import pytest

from runbook import run as runs
from runbook.errors import Blocked, RunbookError, UsageError
from runbook.run import Run, all_runs, join, named
from runbook.site import Site, load_site

SITE = Path(__file__).resolve().parent.parent / "sites" / "testbed.toml"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    monkeypatch.delenv("RUNBOOK_RUN", raising=False)
    return load_site(SITE)


def test_a_run_is_open_until_it_is_closed_and_can_be_opened_again(site: Site) -> None:
    run = Run.start(site, by="somebody")
    assert run.is_open and join(site).name == run.name
    run.close(state="pass")
    assert not run.is_open and join(site) is None
    run.resume()
    assert run.is_open


def test_two_runs_of_one_second_have_folders_of_their_own(site: Site) -> None:
    names = [Run.start(site).name for _ in range(3)]
    assert len(set(names)) == 3
    assert [run.name for run in all_runs()] == sorted(names, reverse=True)
    assert (runs.reports() / "latest").resolve().name == names[-1]


def test_a_run_knows_its_site_by_its_own_copy(site: Site) -> None:
    run = Run.start(site)
    assert (run.site.name, run.site.hosts[0].address) == (site.name, site.hosts[0].address)
    assert run.site.ssh.key == site.ssh.key, "references are kept as references, from the run's own folder"


def test_a_damaged_run_is_passed_over_unless_it_is_named(site: Site) -> None:
    older, damaged = Run.start(site), Run.start(site)
    path = damaged.folder / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"mode"', b'"node"'))
    assert [run.name for run in all_runs(site.name)] == [older.name]
    with pytest.raises(RunbookError, match="line 1"):
        named(damaged.name)


def test_a_run_that_is_not_there_is_answered_with_those_that_are(site: Site) -> None:
    run = Run.start(site)
    with pytest.raises(UsageError) as error:
        named("20010101-000000-testbed")
    assert run.name in error.value.next


def test_reports_that_cannot_be_written_say_so(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a-file").write_text("in the way")
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "a-file"))
    with pytest.raises(UsageError) as error:
        Run.start(site)
    assert "a-file" in str(error.value) and "RUNBOOK_REPORTS" in error.value.next


def test_an_artefact_that_was_changed_since_is_refused(site: Site) -> None:
    run = Run.start(site)
    path = run.artifacts / "users"
    path.write_bytes(b"binary")
    kept = run.keep("users", path)
    assert run.artifact("users") == kept
    path.write_bytes(b"another")
    with pytest.raises(RunbookError, match="no longer what the journal says"):
        run.artifact("users")
    with pytest.raises(Blocked, match="has no `image` yet"):
        run.artifact("image")
