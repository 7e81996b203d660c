"""summary.json: the contract's form, from the journal alone, with the right exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook.errors import JournalDamaged
from runbook.report.summary import summarize, write_summary


def test_it_has_the_form_of_the_contract(passed_run: Path) -> None:
    write_summary(passed_run)
    told = json.loads((passed_run / "summary.json").read_text())
    assert told["schema"] == 1 and told["run"] == passed_run.name and told["site"] == "sample"
    assert told["mode"] == "act" and told["ok"] is True and told["target"] == "riscv64"
    assert set(told["journal"]) == {"lines", "head"} and len(told["journal"]["head"]) == 64
    assert told["hosts"]["node2"] == {"machine": "x86_64", "os": "Debian GNU/Linux 12 (bookworm)", "kernel": "6.18.5"}
    chapter = next(one for one in told["chapters"] if one["name"] == "04_container_deploy")
    assert set(chapter) == {"name", "state", "reason", "seconds", "changes", "verdicts"}
    assert chapter["changes"] == {"node1": 2, "node2": 2, "node3": 0}
    verdict = next(one for one in chapter["verdicts"] if one["what"] == "answers /ping")
    assert verdict["journal"] == [1, 2] and verdict["host"] == "node1" and verdict["state"] == "pass"
    assert verdict["figures"]["latency"] == {"value": 4.25, "unit": "ms", "host": "node1", "basis": "emulated"}
    assert told["numbers"]["container_deploy.latency.node1"]["value"] == 4.25
    assert told["numbers"]["static_compile.size"]["unit"] == "bytes"


def test_every_claim_of_the_ledger_is_there_with_where_it_stands(passed_run: Path) -> None:
    claims = {claim.id: claim for claim in summarize(passed_run).claims}
    assert len(claims) == 100
    assert claims["1-b"].state == "judged" and claims["1-b"].holds is True and claims["1-b"].basis == "emulated"
    assert claims["1-d"].holds is False and claims["1-d"].measured == "go tool dist list has no such target"
    assert claims["1-a"].state in ("pending", "not-measurable")
    assert all(claim.article for claim in claims.values())
    assert all(claim.why for claim in claims.values() if claim.state == "not-measurable")


def test_a_failed_chapter_makes_1_even_where_another_is_blocked(failed_run: Path) -> None:
    summary = summarize(failed_run)
    states = {chapter.name: str(chapter.state) for chapter in summary.chapters}
    assert (states["03_static_compile"], states["04_container_deploy"]) == ("fail", "blocked")
    assert summary.exit_code == 1 and not summary.ok


def ends(new_sample: Callable, states: dict[str, str], end: str = "passed", mode: str = "act") -> int:
    sample = new_sample(mode=mode)
    for name, state in states.items():
        sample.chapter(name, lambda state=state: sample.verdict("it", state, "so"), state)
    return summarize(sample.close(end)).exit_code


def test_a_blocked_chapter_makes_3(new_sample: Callable) -> None:
    assert ends(new_sample, {"00_start": "pass", "01_abi_inspection": "blocked"}) == 3


def test_a_run_where_nothing_passed_makes_3(new_sample: Callable) -> None:
    assert ends(new_sample, {"00_start": "skipped"}) == 3


def test_a_run_of_no_chapter_makes_3(new_sample: Callable) -> None:
    assert ends(new_sample, {}) == 3


def test_pending_changes_of_a_check_run_are_no_failure(new_sample: Callable) -> None:
    assert ends(new_sample, {"00_start": "pass", "04_container_deploy": "skipped"}, mode="check") == 0


def test_an_interrupted_run_makes_130_and_says_what_it_did_not_reach(new_sample: Callable) -> None:
    sample = new_sample()
    sample.chapter("00_start", lambda: sample.verdict("it", "pass", "so"))
    sample.chapter("01_abi_inspection", lambda: None, ends=False)
    summary = summarize(sample.close("interrupted", "interrupted by SIGINT"))
    assert summary.exit_code == 130 and summary.reason == "interrupted by SIGINT"
    told = {chapter.name: (str(chapter.state), chapter.reason) for chapter in summary.chapters}
    assert told["01_abi_inspection"][0] == "fail" and "did not end" in told["01_abi_inspection"][1]
    assert told["03_static_compile"] == ("blocked", "the run was interrupted before it")


def test_a_chapter_that_was_run_again_counts_as_it_ended_last(new_sample: Callable) -> None:
    sample = new_sample()
    sample.chapter("00_start", lambda: sample.verdict("it", "fail", "not so"), "fail")
    sample.chapter("00_start", lambda: sample.verdict("it", "pass", "so"))
    summary = summarize(sample.close("passed"))
    assert summary.exit_code == 0
    assert [verdict.state for _, verdict in summary.verdicts] == ["pass"]


def test_what_is_pending_or_taken_back_is_no_change(new_sample: Callable) -> None:
    sample = new_sample()

    def work() -> None:
        sample.step("node1", "a check", state="pending", changed=3)
        begin = sample.step("node2", "a change", changed=2)
        sample.step("node2", "take back: a change", changed=2, undoes=begin)

    sample.chapter("04_container_deploy", work)
    changes = summarize(sample.close("passed")).changes
    assert changes == {"node1": 0, "node2": 2, "node3": 0}


def test_two_figures_of_one_name_are_both_kept(new_sample: Callable) -> None:
    sample = new_sample()
    figure = {"value": 1.0, "unit": "s", "host": None, "basis": "native"}

    def work() -> None:
        sample.verdict("first start", "pass", "quick", took=figure)
        sample.verdict("second start", "pass", "quick", took={**figure, "value": 2.0})

    sample.chapter("04_container_deploy", work)
    numbers = summarize(sample.close("passed")).numbers
    assert [numbers["container_deploy.took"].value, numbers["container_deploy.second_start.took"].value] == [1.0, 2.0]


def test_a_damaged_journal_is_not_summed_up(passed_run: Path) -> None:
    journal = passed_run / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    lines[6] = lines[6].replace("node1", "node9")
    journal.write_text("".join(lines))
    with pytest.raises(JournalDamaged) as caught:
        summarize(passed_run)
    assert caught.value.line == 7
