"""The chapters as bricks: linked, coloured, and read without colour."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from runbook.contents import CONTENTS, title_of
from runbook.journal import Journal
from runbook.position import position
from runbook.show.bricks import Contents, bricks, card

STATES = {"00_start": "pass", "02_toolchain_build": "fail", "03_static_compile": "blocked",
          "04_container_deploy": "skipped", "05_etcd_mtls": "open"}


def test_every_chapter_is_a_brick_with_a_link_and_its_state_in_words() -> None:
    items = re.findall(r'<li class="(\w+)" data-chapter="(\w+)".*?>(.*?)</li>', bricks(STATES))
    assert [name for _, name, _ in items] == [title.name for title in CONTENTS]
    seen = {name: (tone, re.sub(r"<[^>]+>", " ", text).split()[-1]) for tone, name, text in items}
    assert seen["00_start"] == ("good", "passed") and seen["02_toolchain_build"] == ("wrong", "failed")
    assert seen["03_static_compile"] == ("held", "blocked") and seen["04_container_deploy"] == ("calm", "skipped")
    assert seen["05_etcd_mtls"] == ("busy", "begun") and seen["90_teardown"] == ("calm", "yet")
    assert all(f'href="{name}.ipynb"' in text for _, name, text in items)


def test_the_notebook_that_one_is_in_is_marked_and_no_link() -> None:
    html = bricks(STATES, here="00_start")
    assert html.count("aria-current") == 1 and 'href="00_start.ipynb"' not in html


def test_what_is_compared_of_the_contents_is_the_same_in_every_run() -> None:
    assert repr(Contents(STATES)) == repr(Contents({})) == f"{len(CONTENTS)} chapters, 00_start to 90_teardown"
    assert "passed" in Contents(STATES)._repr_html_()


def test_an_opened_chapter_shows_its_line_and_where_it_stands(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.chapter = "00_start"
    journal.end(journal.begin("chapter"), state="fail", reason="a <b>bold</b> reason")
    html = card(position(title_of("00_start"), "run", journal.entries()), "Start on a & b", datetime.now(UTC))
    assert "Start on a &amp; b" in html and "a &lt;b&gt;bold&lt;/b&gt; reason" in html
