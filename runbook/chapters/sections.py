"""Answers of several parts: `== name` lines in a script's output, taken apart."""

from __future__ import annotations

MARK = "== "


def sections(text: str) -> dict[str, str]:
    """The parts by name, each without its mark; what stands before the first mark is under the empty name."""
    parts: dict[str, list[str]] = {"": []}
    current = parts[""]
    for line in text.splitlines():
        if line.startswith(MARK):
            current = parts.setdefault(line.removeprefix(MARK).strip(), [])
        else:
            current.append(line)
    return {name: "\n".join(lines) for name, lines in parts.items()}


def whole_number(text: str) -> int | None:
    """A whole number that stands alone, such as a kernel's setting; None for anything else."""
    word = text.strip()
    return int(word) if word.isdecimal() and word.isascii() else None
