"""The consent to change a protected site: its name once, and once more for what has been done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runbook.consent import AGAIN, KERNEL, Consent, done_in
from runbook.errors import DoneAlready, NotConfirmed
from runbook.journal import Journal
from runbook.plan import Plan, Plans, Run, Step
from runbook.site import load_site

SITE = """\
schema = 1
name = "ward-7"
target = "riscv64"
protected = {protected}

[[host]]
name = "node1"
address = "192.0.2.11"
roles = ["service"]

[[host]]
name = "node2"
address = "192.0.2.12"
roles = ["service"]
"""
RESTART = Step("the unit is another one", (Run("systemctl", "restart", "users"),))
PLANS = Plans({"node1": Plan(RESTART), "node2": Plan(because="as wanted")})
CHAPTER = "04_container_deploy"
Opened = Callable[..., Consent]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path / "20261126-120000-ward-7")
    journal.chapter = CHAPTER
    return journal


@pytest.fixture
def opened(tmp_path: Path, journal: Journal) -> Opened:
    def open_it(confirm: str, protected: bool = True) -> Consent:
        path = tmp_path / "ward-7.toml"
        path.write_text(SITE.format(protected=str(protected).lower()))
        return Consent(load_site(str(path)), CHAPTER, confirm, journal, "somebody@here")

    return open_it


def do(consent: Consent, what: object = PLANS) -> None:
    consent.begin("act", what)
    consent.ask()
    consent.end()


def test_a_protected_site_wants_its_name(opened: Opened) -> None:
    with pytest.raises(NotConfirmed, match="ward-7 is protected") as refused:
        do(opened("ward-6"))
    assert "--confirm ward-7" in refused.value.next


def test_what_succeeded_is_refused_by_name_and_line_and_says_how_to_do_it_again(
    opened: Opened, journal: Journal
) -> None:
    do(opened("ward-7"))
    line = journal.last
    with pytest.raises(DoneAlready) as refused:
        do(opened("ward-7"))  # in another kernel, days later
    assert f"node1: the unit is another one (journal, line {line})" in refused.value.what
    assert "go on with the next cell" in refused.value.next and f'confirm = "ward-7 {AGAIN}"' in refused.value.next
    do(opened("ward-7 again"))


def test_another_step_and_another_function_are_something_else(opened: Opened) -> None:
    consent = opened("ward-7")
    do(consent)
    other = Step("the unit is another one", (Run("systemctl", "restart", "etcd"),))
    do(consent, Plans({"node1": Plan(other)}))
    do(consent, Plans({"node2": Plan(RESTART)}))
    do(consent, done_in)
    with pytest.raises(DoneAlready, match="act by `done_in`"):
        do(consent, done_in)


def test_a_verb_that_did_not_succeed_may_be_tried_again(opened: Opened) -> None:
    consent = opened("ward-7")
    consent.begin("act", PLANS)
    consent.ask()  # and then it is interrupted
    consent.begin("observe", None)
    consent.end()
    do(consent)


@pytest.mark.parametrize("since", ["its own failure", "a teardown", "a chain"])
def test_after_a_failure_a_teardown_or_by_a_chain_it_is_no_accident(
    opened: Opened, journal: Journal, since: str
) -> None:
    begin = journal.begin("chapter")
    do(opened("ward-7"))
    if since == "its own failure":
        journal.end(begin, state="fail", reason="it did not answer")
    elif since == "a teardown":
        journal.end(begin, state="pass", reason="")
        journal.chapter = "90_teardown"
        journal.end(journal.begin("chapter"), state="pass", reason="")
        journal.chapter = CHAPTER
    else:
        journal.write("note", about=KERNEL, text=f"{CHAPTER} starts", pid=1)
    do(opened("ward-7"))


def test_a_chapter_that_passed_is_not_repeated(opened: Opened, journal: Journal) -> None:
    begin = journal.begin("chapter")
    do(opened("ward-7"))
    journal.end(begin, state="pass", reason="")
    with pytest.raises(DoneAlready):
        do(opened("ward-7"))


def test_a_site_that_is_not_protected_is_never_asked_about(opened: Opened, journal: Journal) -> None:
    for _ in range(2):
        do(opened("", protected=False))
    assert not [one for one in journal.entries() if one.kind == "approval" or one.get("changes")]
