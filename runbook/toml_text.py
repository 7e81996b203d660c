"""Values as TOML text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

# TOML 1.0, basic strings: quotation mark, backslash and control characters have to be escaped.
_ESCAPES = {chr(code): f"\\u{code:04x}" for code in (*range(0x20), 0x7f)} | {
    '"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def toml_value(value: Any) -> str:
    """`value` as it stands after `=` in TOML; str, bool, int, float, date, and sequences of these.

    Raises TypeError for anything else.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + "".join(_ESCAPES.get(char) or char for char in value) + '"'
        case int() | float():
            return repr(value)
        case date():
            return value.isoformat()
        case Sequence():
            return "[" + ", ".join(toml_value(item) for item in value) + "]"
        case _:
            raise TypeError(f"{type(value).__name__} has no form in TOML")


def toml_text(document: Mapping[str, Any], prefix: str = "") -> str:
    """A whole document: plain keys first, then tables and arrays of tables, in the order given."""
    lines = [f"{name} = {toml_value(value)}" for name, value in document.items() if not _is_table(value)]
    text = "".join(line + "\n" for line in lines)
    for name, value in document.items():
        if isinstance(value, Mapping):
            text += f"\n[{prefix}{name}]\n" + toml_text(value, f"{prefix}{name}.")
        elif _is_table(value):
            for element in value:
                text += f"\n[[{prefix}{name}]]\n" + toml_text(element, f"{prefix}{name}.")
    return text


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list | tuple) and bool(value) and isinstance(value[0], Mapping)
    )
