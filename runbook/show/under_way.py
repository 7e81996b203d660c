"""What is under way on a host, as one line of the journal tells it: one rule for a terminal and for a notebook."""

from __future__ import annotations

from collections.abc import Mapping

LONGEST = 60  # characters of a command that are worth a place on a board
BUILD, HERE = "build", "here"


def under_way(line: Mapping[str, object]) -> tuple[str, str] | None:
    """The host and what it does now; an empty text where what it did has ended, None where the line is no such news."""
    kind, phase, host = line.get("kind"), line.get("phase"), str(line.get("host") or HERE)
    if kind == "note" and line.get("about") == "progress":
        return BUILD, _head(str(line.get("text")))
    if is_stage(line):
        return host, _head(str(line.get("text")))
    if kind == "note" and line.get("about") == "transfer":
        return host, _tail(str(line.get("text")))  # a path may be long, the figures are at the end
    if kind in ("step", "command", "transfer") and phase == "begin":
        words = line.get("words")
        told = line.get("why") or (" ".join(map(str, words)) if isinstance(words, list) else words)
        return host, _head(" ".join(str(told or line.get("target") or kind).split()))
    if kind in ("command", "transfer") and phase == "end":
        return host, ""
    return None


def says_how_far(line: Mapping[str, object]) -> bool:
    """Whether something long says how far it is: a build, a command's stage, a transfer."""
    return is_stage(line) or (line.get("kind") == "note" and line.get("about") in ("progress", "transfer"))


def is_stage(line: Mapping[str, object]) -> bool:
    """A long command's own word on how far it is."""
    return line.get("kind") == "note" and line.get("about") == "stage" and line.get("phase") == "begin"


def _head(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST - 1]}…"


def _tail(text: str) -> str:
    return text if len(text) <= LONGEST else f"…{text[1 - LONGEST:]}"
