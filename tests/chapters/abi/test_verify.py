"""Page size and cache line are held against the target's data, and never under an emulator."""

from __future__ import annotations

import pytest

from runbook.chapters.abi.verify import LINE, PAGES, sizes_of_the_target
from runbook.chapters.hosts.processor import CACHES, PAGE_SIZE, Caches, PageSize
from runbook.chapters.hosts.system import UNAME, Uname
from runbook.errors import Unreachable
from runbook.remote.question import Answers, HostAnswers, Unanswered
from runbook.targets import load_target
from runbook.verdict import State

TARGET = load_target("sw64")
OWN = {UNAME: Uname("sw_64", "4.19.90", "node1"), PAGE_SIZE: PageSize(8192), CACHES: Caches((), 128)}


def states(facts: dict) -> dict[str, State]:
    answers = Answers((HostAnswers("node1", OWN | facts),))
    return {verdict.what: verdict.state for verdict in sizes_of_the_target(answers, TARGET)}


@pytest.mark.parametrize(
    ("facts", "pages", "line"),
    [
        ({}, State.PASS, State.PASS),
        ({PAGE_SIZE: PageSize(4096)}, State.FAIL, State.PASS),
        ({CACHES: Caches((), 64)}, State.PASS, State.SKIPPED),
        ({CACHES: Caches((), None)}, State.PASS, State.SKIPPED),
        ({PAGE_SIZE: Unanswered("page_size", "no getconf")}, State.SKIPPED, State.PASS),
        ({UNAME: Uname("x86_64", "6.1", "node1")}, State.SKIPPED, State.SKIPPED),
    ],
)
def test_sizes_are_judged_on_the_targets_own_machine_only(facts: dict, pages: State, line: State) -> None:
    assert states(facts) == {PAGES: pages, LINE: line}


def test_a_host_that_was_not_reached_fails() -> None:
    (verdict,) = sizes_of_the_target(
        Answers((HostAnswers("node1", {}, Unreachable("node1", "gone")),)), TARGET
    )
    assert verdict.state is State.FAIL and "gone" in verdict.reason
