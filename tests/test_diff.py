"""Diffs, as text and in colours."""

from __future__ import annotations

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from runbook.diff import LONGEST, coloured, unified

texts = st.text("ab\n\r\f\u2028-+@ ", max_size=40)


def diff_of(was: str | None, now: str) -> str:
    return unified(was, now, before="a", after="b")


@settings(max_examples=60, deadline=None)
@given(texts, texts)
def test_patch_makes_the_one_text_of_the_other(tmp_path_factory, was: str, now: str) -> None:
    path = tmp_path_factory.getbasetemp() / "patched"
    path.write_bytes(was.encode())
    diff = diff_of(was, now)
    assert bool(diff) == (was != now)
    if diff:
        words = ["git", "apply", "--whitespace=nowarn", "--unidiff-zero", "-"]
        patch = diff.replace("--- a", "--- a/patched", 1).replace("+++ b", "+++ b/patched", 1) + "\n"
        subprocess.run(words, input=patch.encode(), cwd=path.parent, check=True, capture_output=True, timeout=20)
    assert path.read_bytes() == now.encode()


def test_a_diff_from_nothing_shows_the_whole_text() -> None:
    assert diff_of(None, "one\ntwo\n").splitlines()[3:] == ["+one", "+two"]
    assert diff_of("same", "same") == ""


def test_a_long_diff_is_cut_and_says_how_much_is_missing() -> None:
    lines = diff_of(None, "".join(f"{number}\n" for number in range(5000))).splitlines()
    assert len(lines) == LONGEST + 1 and lines[-1] == f"… and {5003 - LONGEST} more lines"


def test_each_kind_of_line_has_its_class() -> None:
    page = coloured(diff_of("a<b\nc\n", "a<b\nd\n"))
    for text in ('<span class="file">--- a</span>', '<span class="hunk">@@', '<span class="same"> a&lt;b</span>',
                 '<span class="del">-c</span>', '<span class="add">+d</span>'):
        assert text in page


def test_the_recorded_page_of_a_diff_needs_nothing_from_elsewhere() -> None:
    from runbook.diff import STYLE

    assert "http" not in STYLE and "url(" not in STYLE
