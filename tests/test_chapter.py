from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook import open_chapter
from runbook.chapter import Chapter
from runbook.errors import (
    Blocked,
    ChapterFailed,
    ChapterStopped,
    CommandFailed,
    DoneAlready,
    LockHeld,
    NotConfirmed,
    ParameterError,
    SiteError,
)
from runbook.plan import Plan, Replace, Restore, Run, Step
from runbook.remote import lock
from runbook.remote.command import Script, command
from runbook.remote.question import HostAnswers, Question
from runbook.run import all_runs
from runbook.testbed.bed import Bed
from runbook.verdict import Verdicts, failed, passed

FILE = "/etc/runbook-test-chapter"
CONTENT: Question[str] = Question(Script('cat /etc/runbook-test-chapter 2>/dev/null || :'), str, "content")


@pytest.fixture
def opened(bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Chapter]]:
    """Opens 00_start on one host of the testbed, in a folder of reports of its own."""
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "reports"))
    monkeypatch.delenv("RUNBOOK_RUN", raising=False)

    chapters: list[Chapter] = []

    def open_it(name: str = "00_start", **parameters: object) -> Chapter:
        chapters.append(open_chapter(name, **{"site": str(bed.site_file), "only_hosts": ["node2"], **parameters}))
        return chapters[-1]

    yield open_it
    for chapter in chapters:
        chapter.let_go()


@pytest.fixture
def clean(opened: Callable[..., Chapter]) -> None:
    """The file is not there before a test, and is taken away after it by its own chapter's undo."""
    chapter = opened()
    chapter.fleet["node2"].run(command("rm", "-f", FILE, sudo=True))


def wants(text: str) -> Callable[[HostAnswers], Plan]:
    def decide(seen: HostAnswers) -> Plan:
        if seen[CONTENT] == text:
            return Plan(because="the file is as wanted")
        return Plan(Step("the file is another one", (Replace(FILE, text, was=seen[CONTENT]),), (Restore(FILE),)))

    return decide


def deploy(chapter: Chapter, text: str) -> object:
    return chapter.act(chapter.decide(wants(text), chapter.observe(CONTENT)))


@pytest.mark.usefixtures("clean")
def test_a_second_run_changes_nothing(opened: Callable[..., Chapter]) -> None:
    chapter = opened()
    assert repr(deploy(chapter, "one\n")) == "node2: applied"
    assert repr(deploy(chapter, "one\n")) == "node2: unchanged"


@pytest.mark.usefixtures("clean")
def test_check_mode_says_what_is_pending_and_touches_nothing(opened: Callable[..., Chapter]) -> None:
    chapter = opened(check=True)
    assert repr(deploy(chapter, "one\n")) == "node2: pending"
    verdicts = chapter.verify(lambda chapter: Verdicts((failed("file", "never asked for in check mode"),)))
    assert [verdict.state for verdict in verdicts] == ["skipped"]
    assert opened(check=True).observe(CONTENT)["node2"][CONTENT] == ""
    assert repr(chapter.record()) == "00_start: skipped"


def test_after_a_failed_verb_every_later_one_refuses(opened: Callable[..., Chapter]) -> None:
    chapter = opened()
    seen = chapter.observe(CONTENT)
    plans = chapter.decide(lambda seen: Plan(Step("fails on purpose", (Run("false"),))), seen)
    with pytest.raises(CommandFailed):
        chapter.act(plans)
    for verb in (lambda: chapter.observe(CONTENT), lambda: chapter.act(plans), chapter.record):
        with pytest.raises(ChapterStopped, match="earlier verb failed"):
            verb()
    assert chapter.run.states() == {"00_start": "fail"}


def test_a_chapter_whose_verdict_fails_stops_at_record(opened: Callable[..., Chapter]) -> None:
    chapter = opened()
    chapter.verify(lambda chapter: Verdicts((passed("sky", "it is blue"), failed("sea", "it is dry"))))
    with pytest.raises(ChapterFailed, match="1 of 2 verdicts do not hold"):
        chapter.record()
    assert chapter.run.states() == {"00_start": "fail"}


@pytest.mark.usefixtures("clean")
def test_the_hosts_are_locked_while_they_are_changed_and_free_afterwards(opened: Callable[..., Chapter]) -> None:
    first = opened()
    deploy(first, "one\n")
    assert lock.LOCK in first.fleet["node2"].ask(lock.LOCK).facts
    assert first.fleet["node2"].ask(lock.LOCK)[lock.LOCK].run == first.run.name  # type: ignore[union-attr]
    first.record()
    assert opened().observe(lock.LOCK)["node2"][lock.LOCK] is None


@pytest.mark.usefixtures("clean")
def test_two_runs_do_not_change_one_host_at_once(
    opened: Callable[..., Chapter], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = opened()
    deploy(first, "one\n")
    monkeypatch.setenv("RUNBOOK_REPORTS", str(tmp_path / "elsewhere"))
    time.sleep(1.0)  # a run is named by its second
    second = opened()
    with pytest.raises(LockHeld, match=first.run.name):
        deploy(second, "two\n")
    assert second.run.states() == {"00_start": "blocked"}
    assert first.observe(CONTENT)["node2"][CONTENT] == "one\n"
    first.record()


def test_the_site_says_whether_a_failure_on_one_host_stops_the_others(
    bed: Bed, opened: Callable[..., Chapter], tmp_path: Path
) -> None:
    text = bed.site_file.read_text().replace("[ssh]", '[ssh]\nat_once = 1\nfirst_failure = "stop-starting"', 1)
    careful = tmp_path / "careful.toml"
    careful.write_text(text.replace("../.cache", str(bed.site_file.parent.parent / ".cache")))
    chapter = opened(site=str(careful), only_hosts=["node1", "node2", "node3"])
    seen = chapter.observe(CONTENT)
    plans = chapter.decide(lambda seen: Plan(Step("fails on the first", (Run("test", "!", "-e", "/proc/1"),))), seen)
    with pytest.raises(CommandFailed, match="node1") as caught:
        chapter.act(plans)
    assert "node3: not begun, since node1 failed" in caught.value.tail
    steps = [one.host for one in chapter.run.journal.entries() if one.kind == "step" and one.phase == "begin"]
    assert steps == ["node1"], "the others felt nothing"


def test_a_protected_site_wants_its_name(
    bed: Bed, opened: Callable[..., Chapter], tmp_path: Path, clean: None
) -> None:
    text = bed.site_file.read_text().replace("protected = false", "protected = true")
    protected = tmp_path / "protected.toml"
    protected.write_text(text.replace("../.cache", str(bed.site_file.parent.parent / ".cache")))
    # a run of the unprotected site is open already: another folder of reports makes another run
    refused = opened(site=str(protected), run="")
    if not refused.site.protected:
        refused.run.close(state="pass")
        refused = opened(site=str(protected))
    with pytest.raises(NotConfirmed, match="testbed is protected"):
        deploy(refused, "one\n")
    allowed = opened(site=str(protected), confirm="testbed")
    assert repr(deploy(allowed, "one\n")) == "node2: applied"
    allowed.record()


def test_an_interrupted_verb_lets_the_host_go_and_may_be_repeated(opened: Callable[..., Chapter]) -> None:
    chapter = opened()

    def interrupted(chapter: Chapter) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        chapter.observe(interrupted)
    assert chapter.observe(CONTENT)
    chapter.record()


@pytest.mark.parametrize(
    ("parameters", "error", "says"),
    [
        ({"name": "00_strat"}, ParameterError, "did you mean 00_start"),
        ({"only_host": ["node1"]}, ParameterError, "did you mean only_hosts"),
        ({"only_hosts": "node1"}, ParameterError, "is a str, not a list"),
        ({"only_hosts": ["node9"]}, SiteError, "node9"),
        ({"site": "sites/nowhere.toml"}, SiteError, "no such site file"),
        ({"run": "20010101-000000-testbed"}, Exception, "there is no run"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_is_opened(
    opened: Callable[..., Chapter], parameters: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        opened(**parameters)
    assert not list(all_runs())


def test_a_chapter_without_its_run_or_its_needs_says_how_to_start(opened: Callable[..., Chapter]) -> None:
    with pytest.raises(Blocked, match="no run of testbed is open"):
        opened("01_abi_inspection")
    opened()
    with pytest.raises(Blocked, match="builds on 00_start, which has not been run"):
        opened("01_abi_inspection")


def test_the_start_joins_the_open_run_instead_of_opening_a_second(opened: Callable[..., Chapter]) -> None:
    assert opened().run.name == opened().run.name


def test_what_was_done_on_a_protected_site_is_not_repeated_by_accident(
    bed: Bed, opened: Callable[..., Chapter], tmp_path: Path, clean: None
) -> None:
    text = bed.site_file.read_text().replace("protected = false", "protected = true")
    protected = tmp_path / "protected.toml"
    protected.write_text(text.replace("../.cache", str(bed.site_file.parent.parent / ".cache")))
    opened().run.close(state="pass")
    chapter = opened(site=str(protected), confirm="testbed")
    seen = chapter.observe(CONTENT)
    plans = chapter.decide(wants("one\n"), seen)
    assert repr(chapter.act(plans)) == "node2: applied"
    with pytest.raises(DoneAlready, match="node2: the file is another one"):
        chapter.act(plans)
    assert chapter.observe(CONTENT)["node2"][CONTENT] == "one\n", "the chapter goes on"
    chapter.verify(lambda chapter: Verdicts((passed("file", "it is there"),)))
    chapter.record()
    assert chapter.run.states() == {"00_start": "pass"}
    again = opened(site=str(protected), confirm="testbed again")
    assert repr(again.act(plans)) == "node2: unchanged"
    again.record()


def test_an_opened_chapter_says_where_it_stands(opened: Callable[..., Chapter]) -> None:
    first = opened()
    assert "Not run in this run yet" in first._repr_html_()
    first.observe(CONTENT)
    second = opened()
    assert "stopped after observe: decide, act, verify and record are missing" in second._repr_html_()
    second.verify(lambda chapter: Verdicts((passed("file", "it is there"),)))
    second.record()
    assert 'data-chapter="00_start" data-state="pass"' in second.contents._repr_html_()
