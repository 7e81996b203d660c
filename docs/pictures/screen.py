"""What a terminal shows of the bytes that a program wrote to it: lines of text with colours, as HTML."""

from __future__ import annotations

import re
from html import escape

# Of ECMA-48 what rich writes: colours (SGR), lines up and down, a line erased, and private modes such as the cursor's.
SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\][^\x07]*\x07|[\r\n\x08]|[^\x1b\r\n\x08]+")
BOLD, FIRST, BRIGHT = 1, 30, 90


class Screen:
    """Fed with text, it keeps what is to be seen."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._lines: list[list[tuple[str, str]]] = [[]]
        self._row = self._column = 0
        self._style: dict[str, str] = {}

    def feed(self, text: str) -> None:
        for found in SEQUENCE.finditer(text):
            numbers, final = found.group(1), found.group(2)
            if final:
                self._control(numbers, final)
            elif found.group() == "\r":
                self._column = 0
            elif found.group() == "\n":
                self._down()
            elif found.group() == "\x08":
                self._column = max(self._column - 1, 0)
            elif not found.group().startswith("\x1b"):
                for letter in found.group():
                    self._put(letter)

    @property
    def height(self) -> int:
        """How many lines have something in them."""
        return sum(bool("".join(letter for letter, _ in line).strip()) for line in self._lines)

    def text(self) -> str:
        return "\n".join("".join(letter for letter, _ in line).rstrip() for line in self._lines).rstrip()

    def html(self) -> str:
        lines = []
        for line in self._lines:
            spans: list[list[str]] = []
            for letter, style in line:
                if spans and spans[-1][0] == style:
                    spans[-1][1] += letter
                else:
                    spans.append([style, letter])
            lines.append("".join(f'<span class="{style}">{escape(text)}</span>' for style, text in spans))
        return "\n".join(lines).rstrip()

    def _put(self, letter: str) -> None:
        if self._column >= self._columns:
            self._down()
            self._column = 0
        line = self._lines[self._row]
        line.extend([(" ", "")] * (self._column + 1 - len(line)))
        line[self._column] = letter, " ".join(self._style.values())
        self._column += 1

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self._lines):
            self._lines.append([])

    def _control(self, numbers: str, final: str) -> None:
        count = int(numbers) if numbers.isdigit() else 1
        if final == "A":
            self._row = max(self._row - count, 0)
        elif final == "K":
            del self._lines[self._row][0 if numbers == "2" else self._column:]
        elif final == "m":
            for number in (int(one or 0) for one in numbers.split(";")):
                self._sgr(number)

    def _sgr(self, number: int) -> None:
        if number == 0:
            self._style.clear()
        elif number == BOLD:
            self._style["weight"] = "bold"
        elif FIRST <= number < FIRST + 8 or BRIGHT <= number < BRIGHT + 8:
            self._style["colour"] = f"c{number}"
        elif number == 39:
            self._style.pop("colour", None)
