"""Where each key of a TOML text stands, since tomllib keeps no line numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]

_BARE_OR_QUOTED = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*')"""
_DOTTED = rf"{_BARE_OR_QUOTED}(?:[ \t]*\.[ \t]*{_BARE_OR_QUOTED})*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_DOTTED})[ \t]*\]")
_ASSIGNMENT = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")
_PART = re.compile(_BARE_OR_QUOTED)
# What matters inside a value: string delimiters, brackets, comments. Longest first.
_TOKEN = re.compile(r'"""|\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|[\[\]{}]|#[^\n]*')


def lines_of(text: str) -> dict[KeyPath, int]:
    """The line (from 1) of each table and key of a valid TOML text, by its path: `("host", 0, "name")`.

    Keys of inline tables are not listed; `line_of` answers with the line of what holds them.
    """
    found: dict[KeyPath, int] = {}
    seen: Counter[KeyPath] = Counter()
    table: KeyPath = ()
    depth, closing = 0, ""
    for number, line in enumerate(text.split("\n"), start=1):
        rest = line
        if not depth and not closing:
            if header := _HEADER.match(line):
                table = _table_path(_parts(header[2]), seen, is_array=header[1] == "[[")
                found.setdefault(table, number)
                continue
            if assignment := _ASSIGNMENT.match(line):
                found.setdefault(table + _parts(assignment[1]), number)
                rest = line[assignment.end():]
        depth, closing = _after(rest, depth, closing)
    return found


def line_of(path: KeyPath, lines: Mapping[KeyPath, int]) -> int:
    """The line of `path`, or of the nearest thing around it; 1 when nothing is known."""
    for length in range(len(path), 0, -1):
        for known in (path[:length], (*path[:length], 0)):  # an array of tables begins with its first element
            if known in lines:
                return lines[known]
    return 1


def _parts(dotted: str) -> KeyPath:
    return tuple(part[1:-1] if part[0] in "\"'" else part for part in _PART.findall(dotted))


def _table_path(parts: KeyPath, seen: Counter[KeyPath], is_array: bool) -> KeyPath:
    """Put the index of the current element after each array of tables on the way."""
    path: KeyPath = ()
    for position, part in enumerate(parts):
        path += (part,)
        if is_array and position == len(parts) - 1:
            seen[path] += 1
        if seen[path]:
            path += (seen[path] - 1,)
    return path


def _after(rest: str, depth: int, closing: str) -> tuple[int, str]:
    """Bracket depth and open multi-line delimiter after the end of a line."""
    position = 0
    while position < len(rest):
        if closing:
            end = rest.find(closing, position)
            if end < 0:
                return depth, closing
            position, closing = end + 3, ""
            continue
        token = _TOKEN.search(rest, position)
        if not token:
            break
        position = token.end()
        if token[0] in ('"""', "'''"):
            closing = token[0]
        elif token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth = max(0, depth - 1)
    return depth, closing
