"""The header of a command is found wherever it comes, and nothing else is taken for it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runbook.remote.line import Received, compose, seconds


@given(st.binary(max_size=40), st.binary(max_size=200), st.integers(1, 50))
def test_the_header_is_found_in_whatever_pieces_it_comes(greeting: bytes, output: bytes, size: int) -> None:
    received = Received(b"0123456789abcdef")
    said = greeting + b"0123456789abcdef 4711 watched\n" + output
    for start in range(0, len(said), size):
        received.out(said[start:start + size])
    assert (received.pid, received.watched, received.stdout) == (4711, True, output)


def test_without_a_header_the_command_has_not_begun_and_its_output_is_kept() -> None:
    received = Received(b"0123456789abcdef")
    received.out(b"This account is currently not available.\n")
    assert not received.begun and received.stdout.startswith(b"This account")


def test_no_two_lines_have_one_mark() -> None:
    lines = {compose(["true"], limit=1, sudo=False, stdin=False, watched=None).mark for _ in range(100)}
    assert len(lines) == 100


def test_a_limit_is_written_as_timeout_reads_it() -> None:
    assert [seconds(limit) for limit in (60, 0.5, 86400.0, 0.00001)] == ["60", "0.5", "86400", "0.001"]
