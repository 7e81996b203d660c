"""The board of hosts x steps, told by the lines of a journal as they are written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from runbook.follow import Follower
from runbook.journal import Journal
from runbook.show.board import Board

PLANS = {"node1": ["the account is missing", "the unit is another one"], "node2": ["the unit is another one"],
         "node3": []}


def cells(board: Board) -> dict[str, list[str]]:
    """The states that a reader sees, host by host, by their words."""
    html = re.sub(r"<style>.*?</style>", "", board.html(3.0), flags=re.DOTALL)
    rows = re.findall(r'<tr data-host="([^"]+)">(.*?)</tr>', html)
    return {host: [re.sub(r"<[^>]+>|[✓=…✗⊘–▸·■]", "", cell) for cell in re.findall(r"<td.*?</td>", row)[:-1]]
            for host, row in rows}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def told(board: Board, journal: Journal) -> None:
    for line in Follower(journal.path, from_end=False).news():
        board.news(line)


def test_it_fills_as_the_steps_end(journal: Journal) -> None:
    board = Board("Deployment", "act", tuple(PLANS), PLANS, ("observe", "decide"))
    assert cells(board) == {"node1": ["waiting", "waiting"], "node2": ["—", "waiting"], "node3": ["as wanted", ""]}
    first = journal.begin("step", "node1", why=PLANS["node1"][0])
    second = journal.begin("step", "node2", why=PLANS["node2"][0])
    journal.end(first, state="applied", changed=1)
    told(board, journal)
    assert cells(board) == {"node1": ["applied", "waiting"], "node2": ["—", "now"], "node3": ["as wanted", ""]}
    assert "1 of 3 steps" in board.html(3.0) and board.share == pytest.approx(1 / 3)
    third = journal.begin("step", "node1", why=PLANS["node1"][1])
    journal.end(second, state="unchanged", changed=0)
    journal.end(third, state="failed", changed=0, error="no")
    again = Board("Deployment", "act", tuple(PLANS), PLANS)
    told(again, journal)
    assert cells(again) == {"node1": ["applied", "failed"], "node2": ["—", "unchanged"], "node3": ["as wanted", ""]}
    assert "2 of 3 steps" in again.html(3.0), "what failed is not done"


def test_what_is_under_way_is_told_until_it_ends(journal: Journal) -> None:
    board = Board("Start", "observe", ("node1", "node2"), {})
    begun = journal.begin("command", "node1", words=["systemctl", "is-active", "etcd"])
    told(board, journal)
    assert "systemctl is-active etcd" in board.html(0.5) and cells(board) == {"node1": ["now"], "node2": ["waiting"]}
    journal.end(begun, exit_code=0)
    board = Board("Start", "observe", ("node1", "node2"), {})
    told(board, journal)
    assert "systemctl" not in board.html(0.5) and cells(board) == {"node1": ["1 done"], "node2": ["waiting"]}


def test_what_was_under_way_when_it_was_stopped_is_called_stopped(journal: Journal) -> None:
    board = Board("Deployment", "act", tuple(PLANS), PLANS)
    journal.begin("step", "node2", why=PLANS["node2"][0])
    interrupted = journal.begin("step", "node1", why=PLANS["node1"][0])
    journal.end(interrupted, state="failed", changed=0, error="stopped", interrupted=True)
    told(board, journal)
    board.end("stopped")
    assert cells(board)["node1"] == ["stopped", "waiting"] and cells(board)["node2"] == ["—", "stopped"]
    assert board.share == 0 and 'data-state="stopped"' in board.html(1)


def test_two_steps_of_one_reason_fill_one_after_the_other_and_many_are_counted(journal: Journal) -> None:
    many = {"node1": [f"step {number}" for number in range(9)]}
    board = Board("Deployment", "act", ("node1",), many)
    for why in many["node1"][:4]:
        journal.end(journal.begin("step", "node1", why=why), state="applied", changed=1)
    journal.begin("step", "node1", why=many["node1"][4])
    told(board, journal)
    assert cells(board) == {"node1": ["4 of 9"]}


def test_nothing_that_a_host_says_becomes_markup(journal: Journal) -> None:
    board = Board("<i>", "observe", ("node1",), {})
    journal.begin("command", "node1", words=["echo", "<script>alert(1)</script>"])
    told(board, journal)
    html = board.html(1)
    assert "<script" not in html and "<i>&lt;" not in html and "&lt;script&gt;" in html


def test_a_state_is_readable_without_its_colour(journal: Journal) -> None:
    board = Board("Deployment", "act", ("node1",), {"node1": ["one"]}, ("observe",))
    chips: Mapping[str, str] = dict(re.findall(r'aria-label="(\w+): ([\w ]+)"', board.html(1)))
    assert chips == {"observe": "done", "decide": "waiting", "act": "now", "verify": "waiting", "record": "waiting"}
