"""A standing shell's streams: whatever a command says is kept to the byte, whatever the seams, and its end is found."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from runbook.remote.hearing import Hearing, new_tag

TAG = b"\0" + b"0123456789abcdef" * 2
LIKE_A_TAG = st.sampled_from([b"\0", TAG[:-1], TAG[:5], TAG[1:], b"\n", b"0", b";", b"."])
SAID = st.lists(st.binary(max_size=30) | LIKE_A_TAG, max_size=8).map(b"".join)


def heard(pieces: list[bytes]) -> tuple[Hearing, bytes]:
    taken: list[bytes] = []
    hearing = Hearing(TAG, taken.append)
    for piece in pieces:
        hearing.feed(piece)
    return hearing, b"".join(taken)


def cut(data: bytes, seams: list[int]) -> list[bytes]:
    places = sorted({min(seam, len(data)) for seam in seams} | {0, len(data)})
    return [data[start:end] for start, end in zip(places, places[1:], strict=False)]


@given(SAID, SAID, st.integers(0, 255), st.booleans(), st.lists(st.integers(0, 300)))
@example(b"\0" * 40, TAG[:-1], 0, False, list(range(200)))
def test_what_was_said_is_whole_wherever_the_pieces_part(before: bytes, after: bytes, code: int, died: bool,
                                                         seams: list[int]) -> None:
    stream = before + TAG + b"%d" % code + (b"!" if died else b";") + after + TAG + b"."
    if stream.count(TAG) > 2 or TAG in before + after:
        return  # a command cannot guess it
    hearing, said = heard(cut(stream, seams))
    assert (said, hearing.ended) == (before + after, True)
    assert hearing.code == (128 - code if died else code)


@given(SAID, st.lists(st.integers(0, 300)))
def test_nothing_is_lost_where_the_end_never_comes(said: bytes, seams: list[int]) -> None:
    if TAG in said:
        return
    taken: list[bytes] = []
    hearing = Hearing(TAG, taken.append)
    for piece in cut(said, seams):
        hearing.feed(piece)
    hearing.flush()
    assert (b"".join(taken), hearing.ended, hearing.code) == (said, False, None)


def test_what_cannot_be_the_beginning_of_a_tag_is_given_out_at_once() -> None:
    hearing, said = heard([b"mark 1234 watched\n"])
    assert said == b"mark 1234 watched\n" and not hearing.ended


def test_no_two_tags_are_the_same() -> None:
    assert len({new_tag() for _ in range(100)}) == 100
