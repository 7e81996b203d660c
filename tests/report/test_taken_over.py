"""A chapter that only measures is taken over from an earlier run where all that it stands on is the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook.contents import chain, title_of
from runbook.report import ground
from runbook.report.closing import closing
from runbook.report.conduct import Finished, conduct
from runbook.report.progress import Plain
from runbook.report.resume import KERNEL
from runbook.report.selection import Asked, select
from runbook.report.taken_over import GROUND, Again, Found, earlier
from runbook.report.verification import verify
from runbook.run import Run
from runbook.site import load_site
from tests.report.test_chain import notebooks, write_notebook

__all__ = ["notebooks"]  # fixtures

SITE = """schema = 1
name = "sample"
target = "riscv64"
protected = false
[[host]]
name = "here"
address = "local"
roles = ["service"]
"""
MEASURES = "01_abi_inspection"
FACT = """journal.write("note", "here", about="fact", question="uname", fact={"machine": "m"}, text="m")"""
FINDS = """from pathlib import Path
own = named(run)
own.journal.chapter = journal.chapter
path = own.artifacts / "finding"
path.write_text("what was measured")
own.keep("finding", path)
journal.write("claim", id="1-b", state="judged", article="", measured="it was seen", holds=True, why="", basis="native")
journal.write("verdict", "here", what="counted", state="pass", reason="seen",
              figures={"count": {"value": 2.5, "unit": "s", "host": "here", "basis": "emulated"}})"""


SIGNS = """from datetime import UTC, datetime, timedelta
from runbook.pki.envelope import ECDSA, PublicKey, trust_text
keys = own.folder / "signing"
keys.mkdir(mode=0o700)
(keys / "ecdsa.key").touch(mode=0o600)
at = datetime.now(UTC)
(keys / "trust.json").write_text(trust_text((PublicKey("id", ECDSA, "pem", at, at + timedelta(days=DAYS)),)))
trust = own.artifacts / "trust.json"
trust.write_bytes((keys / "trust.json").read_bytes())
own.keep(trust.name, trust)"""


class Runs:
    """Runs of chapters 00 and 01 on this machine; the second of them leaves a mark each time that it is executed."""

    def __init__(self, folder: Path, notebooks: Path) -> None:
        self.notebooks, self.site, self.marks = notebooks, folder / "sample.toml", folder / "marks"
        self.site.write_text(SITE)
        write_notebook(notebooks, "00_start", FACT)
        self.write()

    def write(self, *also: str, **more: str) -> None:
        mark = f"with open({str(self.marks)!r}, 'a') as file: file.write('x')"
        write_notebook(self.notebooks, MEASURES, mark, FINDS, *also, **more)

    def go(self, **more: object) -> Finished:
        selection = select(Asked(**more))  # type: ignore[arg-type]
        titles = tuple(title for title in selection.titles if title.name in ("00_start", MEASURES))
        run = Run.start(load_site(self.site))
        return conduct(run, replace(selection, titles=titles), Plain())

    @property
    def measured(self) -> int:
        return len(self.marks.read_text())


@pytest.fixture
def runs(tmp_path: Path, notebooks: Path) -> Runs:
    return Runs(tmp_path, notebooks)


def reason_of(finished: Finished, chapter: str = MEASURES) -> str:
    return next(one.reason for one in finished.summary.chapters if one.name == chapter)


def why_again(finished: Finished) -> str:
    return next((str(one["text"]) for one in finished.run.entries() if one.get("about") == "measured again"), "")


def test_a_second_run_takes_over_what_the_first_measured_and_says_so(runs: Runs) -> None:
    first, second = runs.go(), runs.go()
    assert first.exit_code == second.exit_code == 0 and runs.measured == 1
    assert reason_of(second) == f"taken over from {first.run.name}: nothing that it stands on has changed"
    assert second.summary.numbers == first.summary.numbers and "abi_inspection.count.here" in second.summary.numbers
    assert [one for one in second.summary.claims if one.id == "1-b"] == [
        one for one in first.summary.claims if one.id == "1-b"]
    assert second.run.artifact("finding").path.read_text() == "what was measured"
    assert second.run.artifact("finding").path.is_relative_to(second.run.folder) and verify(second.run.folder).ok
    assert reason_of(second) in second.page.read_text() and reason_of(second) in closing(second)
    notebook = json.loads((second.run.folder / "notebooks" / f"{MEASURES}.ipynb").read_text())
    assert f"Taken over from {first.run.name.lower()}" in notebook["cells"][0]["source"]
    kernels = [one for one in second.run.entries() if one.get("about") == KERNEL]
    assert len(kernels) == 1, "only 00_start needed one"
    third = runs.go()
    assert runs.measured == 1 and first.run.name in reason_of(third), "it is told where it was measured"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda runs, first: runs.site.write_text(SITE.replace("service", "load")), "the site file"),
        (lambda runs, first: write_notebook(runs.notebooks, MEASURES, FINDS, "more = 1"), "its notebook"),
        (lambda runs, first: (first.run.folder / "artifacts" / "finding").write_text("x"), "no longer what it was"),
    ],
    ids=["site", "notebook", "artefact"],
)
def test_it_is_measured_again_with_the_reason_said(
    runs: Runs, change: Callable[[Runs, Finished], object], why: str
) -> None:
    first = runs.go()
    change(runs, first)
    second = runs.go()
    assert second.exit_code == 0 and not reason_of(second)
    assert why in why_again(second) and first.run.name in why_again(second)


def test_the_keys_that_signed_it_go_with_it_so_that_hosts_still_believe_it(runs: Runs) -> None:
    runs.write(SIGNS.replace("DAYS", "1"))
    first, second, third = runs.go(), runs.go(), runs.go()
    assert runs.measured == 1 and first.run.name in reason_of(third)
    for run in (second.run, third.run):
        for name in ("trust.json", "ecdsa.key"):
            assert (run.folder / "signing" / name).read_bytes() == (first.run.folder / "signing" / name).read_bytes()
        assert (run.folder / "signing").stat().st_mode & 0o777 == 0o700
        assert (run.folder / "signing" / "ecdsa.key").stat().st_mode & 0o777 == 0o600


def test_what_was_signed_by_a_key_that_has_expired_is_made_again(runs: Runs) -> None:
    runs.write(SIGNS.replace("DAYS", "-1"))
    first, second = runs.go(), runs.go()
    assert runs.measured == 2 and not reason_of(second)
    assert f"an artefact of {first.run.name}" in why_again(second) and "has expired" in why_again(second)


def test_it_is_measured_again_where_somebody_asks(runs: Runs) -> None:
    runs.go()
    assert "it was asked for" in why_again(runs.go(only=("01",)))
    assert "its parameters" in why_again(runs.go(values=("01.size=2.0",)))
    assert runs.measured == 3
    assert select(Asked(afresh=True)).afresh == {title.name for title in chain()}


def test_what_failed_is_never_taken_over(runs: Runs) -> None:
    runs.write(state="fail", reason="it does not")
    first = runs.go()
    assert first.exit_code == 1
    runs.go()
    assert runs.measured == 2


def test_an_old_measurement_and_a_changed_host_are_no_ground(runs: Runs) -> None:
    first = runs.go().run
    title, now = title_of(MEASURES), datetime.now(UTC)
    (noted,) = [one for one in first.entries() if one.get("about") == GROUND]
    other = Run.start(load_site(runs.site))
    assert isinstance(earlier(other, title, noted["parts"], now), Found)
    checked = Run.start(load_site(runs.site), check=True).journal
    checked.chapter = title.name
    checked.end(checked.begin("chapter", parameters={"check": True}), state="skipped", reason="")
    assert isinstance(earlier(other, title, noted["parts"], now), Found), "a check is passed by"
    late = earlier(other, title, noted["parts"], now + timedelta(days=7))
    assert isinstance(late, Again) and "more than 7 days ago" in late.why
    deployed = title_of("08_load_test")
    first.journal.write("note", about=GROUND, text=deployed.name, parts=noted["parts"])
    first.journal.chapter = deployed.name
    first.journal.end(first.journal.begin("chapter", parameters={}), state="pass", reason="")
    assert isinstance(earlier(other, deployed, noted["parts"], now), Found)
    step = other.journal.begin("step", "here", why="the unit is another one", check=False)
    other.journal.end(step, state="applied", changed=1)
    changed = earlier(other, deployed, noted["parts"], now)
    assert isinstance(changed, Again) and changed.why == f"here was changed since, in {other.name}"


def test_any_file_that_changes_gives_another_stamp(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    before = ground.stamp(tmp_path)
    assert ground.stamp(tmp_path) == before
    (tmp_path / "a").write_text("two")
    assert ground.stamp(tmp_path) != before
