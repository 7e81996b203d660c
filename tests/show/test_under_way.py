"""A command's or a transfer's line on a board: what is cut off is seen to be."""

from __future__ import annotations

import pytest

from runbook.show.under_way import LONGEST, under_way


@pytest.mark.parametrize("length", [LONGEST, LONGEST + 1, 5 * LONGEST])
def test_what_is_too_long_ends_or_begins_with_an_ellipsis(length: int) -> None:
    text = "a" + "b" * (length - 2) + "c"
    _, head = under_way({"kind": "command", "phase": "begin", "host": "node1", "words": [text]}) or ("", "")
    _, tail = under_way({"kind": "note", "about": "transfer", "host": "node1", "text": text}) or ("", "")
    assert max(len(head), len(tail)) <= LONGEST and head.startswith("ab") and tail.endswith("bc")
    whole = length <= LONGEST
    assert (head == text, tail == text) == (whole, whole)
    assert (head.endswith("…"), tail.startswith("…")) == (not whole, not whole)
