"""What a person sees while the chain runs."""

from __future__ import annotations

import io
import json
from pathlib import Path

from runbook.contents import title_of
from runbook.follow import Follower
from runbook.report.closing import folded
from runbook.report.progress import Board, Plain

STEP = {"kind": "step", "phase": "begin", "host": "node1", "why": "the unit is not there"}
COMMAND = {"kind": "command", "phase": "begin", "host": "node2", "words": ["systemctl", "restart", "users"]}
TRANSFER = {"kind": "note", "about": "transfer", "host": "node3",
            "text": "/srv/image: 34 of 100 MB, 11.0 MB/s, 6 s left"}


def test_without_a_terminal_there_is_one_line_an_event() -> None:
    out = io.StringIO()
    with Plain(out) as progress:
        progress.plan([title_of("00"), title_of("04")])
        progress.begin(title_of("04"))
        progress.news(STEP)
        progress.news(COMMAND)
        progress.news({"kind": "note", "about": "progress", "text": "1 of 2 to compile: users"})
        progress.news(TRANSFER)
        progress.news({"kind": "verdict", "host": "node1", "what": "it runs", "state": "fail", "reason": "it does not"})
        progress.end(title_of("04"), "fail", "node1: it does not\nand more", 1.25)
    said = out.getvalue().splitlines()
    assert said == [
        "2 chapters: 00_start, 04_container_deploy",
        f"· 04_container_deploy: {title_of('04').asks}",
        "    node1: the unit is not there",
        "    1 of 2 to compile: users",
        "    node3: /srv/image: 34 of 100 MB, 11.0 MB/s, 6 s left",
        "    node1: it runs: fail, it does not",
        "✗ 04_container_deploy: fail, 1.2 s: node1: it does not",
    ]
    assert "\x1b" not in out.getvalue()


def test_on_a_terminal_the_board_shows_what_each_host_does_now() -> None:
    from rich.console import Console

    board = Board()
    board.plan([title_of("00"), title_of("04")])
    board.end(title_of("00"), "pass", "", 0.5)
    board.begin(title_of("04"))
    for line in ({"kind": "note", "about": "verb", "text": "act"}, STEP, COMMAND, TRANSFER):
        board.news(line)
    shown = Console(width=120, file=io.StringIO())
    shown.print(board._table())
    text = shown.file.getvalue()
    assert "pass" in text and "act" in text
    assert "34 of 100 MB, 11.0 MB/s, 6 s left" in text
    assert "the unit is not there" in text and "systemctl restart users" in text
    board.news({"kind": "command", "phase": "end", "host": "node2"})
    shown = Console(width=120, file=io.StringIO())
    shown.print(board._table())
    assert "systemctl restart users" not in shown.file.getvalue()


def test_news_are_whole_lines_only_and_each_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    news = Follower(path)
    assert list(news.news()) == []
    path.write_text(json.dumps({"seq": 1}) + "\n" + '{"seq": 2')
    assert [line["seq"] for line in news.news()] == [1]
    with path.open("a") as file:
        file.write("}\n[3]\nnot json\n")
    assert [line["seq"] for line in news.news()] == [2]
    assert list(news.news()) == []


def test_the_last_lines_break_between_words_and_are_set_in() -> None:
    said = "Passed: 8 of 8\n  – 00_start: node1: the target's machine: skipped\n\nreport: /a/path/that/stays/whole.html"
    assert folded(said, 24) == ("Passed: 8 of 8\n  – 00_start: node1: the\n    target's machine:\n    skipped\n\n"
                                "report: /a/path/that/stays/whole.html")
    assert folded("next: `runbook undo latest --confirm ward-7`", 24).count("\n") == 0
    assert folded(said, 200) == said
    assert folded("a word", 1) == "a word", "a terminal that says no width"
