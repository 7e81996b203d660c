"""report.md: what a reader of a ticket has to know, and nothing that a host said taken for markup."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runbook.report.markdown import lines_of, plain, write_markdown
from runbook.report.summary import summarize
from runbook.report.words import words


def test_the_verdict_and_what_was_not_proven_come_first(failed_run: Path) -> None:
    text = write_markdown(failed_run).read_text()
    assert text.startswith("# Failed: sample\n")
    assert text.index("## Not proven") < text.index("## Chapters")
    assert "- ✗ the binary is static (node1), failed: it has an INTERP segment" in text
    assert "it builds on 03\\_static\\_compile, which failed" in text


def test_figures_say_how_they_were_come_by(passed_run: Path) -> None:
    text = write_markdown(passed_run).read_text()
    assert "| passed | answers /ping | node1, node2, node3 | HTTP 200 | latency 4.25 ms (emulated)" in text


def test_it_has_the_words_of_the_sites_language(passed_run: Path) -> None:
    text = "\n".join(lines_of(summarize(passed_run), words("zh")))
    assert text.startswith("# 通过: sample") and "### 静态编译: 通过" in text and "## 未证实" in text


def test_a_table_stays_a_table_whatever_a_host_says(new_sample: Callable) -> None:
    sample = new_sample()
    evil = "a | b\n# <script> [x](http://example.org)"
    sample.chapter("00_start", lambda: sample.verdict(evil, "fail", evil, "node1"), "fail", evil)
    lines = write_markdown(sample.close("failed", evil)).read_text().splitlines()
    rows = [line for line in lines if line.startswith("| failed")]
    assert len(rows) == 1 and rows[0].replace("\\|", "").count("|") == 6
    assert not any("<script>" in line for line in lines)


@pytest.mark.parametrize(("text", "shown"), [("", ""), ("a_b", "a\\_b"), ("one\ntwo", "one"), ("`x`", "\\`x\\`")])
def test_text_is_itself(text: str, shown: str) -> None:
    assert plain(text) == shown
