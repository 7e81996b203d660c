"""What the article's register table says of each target, as data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("columns.toml")


@dataclass(frozen=True)
class Column:
    """One column of the table; what it does not say is empty."""

    integer_arguments: tuple[str, ...]
    more_arguments: bool  # the list is cut off by dots
    float_arguments: tuple[str, ...]
    integer_result: str
    return_address: str
    zero: str
    caller_saved: tuple[str, ...]
    callee_saved: tuple[str, ...]
    stack_alignment: int  # bytes

    def arguments_are(self, registers: tuple[str, ...]) -> bool:
        """Whether these are the registers that it lists, in its order, as far as it lists them."""
        said = self.integer_arguments
        return registers[: len(said)] == said if self.more_arguments else registers == said

    def arguments_said(self) -> str:
        return ", ".join(self.integer_arguments) + (" …" if self.more_arguments else "")


@cache
def columns() -> dict[str, Column]:
    """The article's columns by target."""
    told = tomllib.loads(FILE.read_text("utf-8"))
    return {name: Column(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
            for name, row in told.items()}
