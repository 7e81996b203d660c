"""One TOML table read into a frozen dataclass whose fields say what they accept and what they mean."""

from __future__ import annotations

import dataclasses
import os
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from runbook.toml_lines import KeyPath, line_of

Check = Callable[[Any], str]
"""Says what is wrong with a value; empty when nothing is."""

Absolute = Callable[[str], Path]
"""Finds a path of the file: `~` is the home folder, relative ones start beside the file."""

Read = Callable[[str, Absolute], Any]
"""Makes a value of a string; None where the string has not the form."""

_WORDS = {str: "a string", bool: "true or false", int: "a whole number", float: "a number",
          date: "a date such as 2027-06-30", Path: "a path (a string)",
          dict: "a table", list: "an array"}


def entry(
    help: str,
    default: Any = dataclasses.MISSING,
    *,
    check: Check | None = None,
    example: Any = None,
    read: Read | None = None,
    forms: str = "",
    name: str = "",
    per_host: bool = False,
) -> Any:
    """A field of a table: what it means, its default (none: required), and what it must satisfy.

    `example` is what a new site file shows; `read` makes a value of a string of one of the `forms`; `name` is
    the key in TOML where it differs from the field; `per_host` lets a `[[host]]` override it.
    """
    metadata = {"help": help, "check": check, "example": example, "read": read, "forms": forms, "name": name,
                "per_host": per_host}
    return field(default=default, metadata=metadata)


def toml_name(of: dataclasses.Field[Any]) -> str:
    """The key of a field as the file spells it."""
    return of.metadata.get("name") or of.name


@dataclass
class Reading:
    """A file being read: where its keys stand, and what was found wrong so far."""

    file: str                             # as the reader of an error knows it
    folder: Path                          # relative paths start here
    lines: Mapping[KeyPath, int]
    problems: list[tuple[int, str]] = field(default_factory=list)

    def refuse(self, path: KeyPath, problem: str) -> None:
        """Note a problem with its file, line and key."""
        line = line_of(path, self.lines)
        self.problems.append((line, f"{self.file}:{line}: {dotted(path)}: {problem}"))

    def in_order(self) -> list[str]:
        """The problems, by line."""
        return [text for _, text in sorted(self.problems)]

    def absolute(self, path: str) -> Path:
        """A path of the file: `~` is the home folder, relative ones start beside the file."""
        return Path(os.path.normpath(self.folder / os.path.expanduser(path)))


def dotted(path: KeyPath) -> str:
    """`("host", 0, "bmc", "address")` as people say it: `host[1].bmc.address`, counting from 1."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the file"


@cache
def columns(table: type) -> tuple[tuple[dataclasses.Field[Any], Any], ...]:
    """The fields of a table with their types; fields without help are not keys of the file."""
    hints = typing.get_type_hints(table)
    return tuple((one, hints[one.name]) for one in dataclasses.fields(table) if "help" in one.metadata)


def read_table(table: type, data: Any, reading: Reading, path: KeyPath = (),
               inherited: object | None = None) -> dict[str, Any]:
    """The values of `data` by field name; whatever is wrong goes to `reading.problems`.

    `inherited` is a table of which this one may override what is `per_host`; those values come back too.
    """
    if not isinstance(data, dict):
        reading.refuse(path, f"expected a table, found {_found(data)}")
        return {}
    own = {toml_name(one): (one, hint) for one, hint in columns(table)}
    lent = {} if inherited is None else {
        toml_name(one): (one, hint) for one, hint in columns(type(inherited)) if one.metadata["per_host"]
    }
    known = lent | own
    values: dict[str, Any] = {}
    for name, raw in data.items():
        if name not in known:
            reading.refuse((*path, name), unknown("key", name, known))
            continue
        one, hint = known[name]
        if one.metadata["read"]:
            value = _read_form(one.metadata, raw, reading, (*path, name))
        else:
            value = read_value(hint, raw, reading, (*path, name))
        problem = one.metadata["check"](value) if one.metadata["check"] and value is not None else ""
        if problem:
            reading.refuse((*path, name), problem)
        elif value is not None:
            values[one.name] = value
    for name, (one, _) in own.items():
        if name not in data and one.default is dataclasses.MISSING:
            reading.refuse(path, f"the key `{name}` is missing: {one.metadata['help']}")
        elif name not in data and isinstance(one.default, Path):
            values[one.name] = reading.absolute(str(one.default))
    return values


def read_value(hint: Any, raw: Any, reading: Reading, path: KeyPath) -> Any:
    """`raw` as `hint` wants it, or None with a problem noted."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(one for one in typing.get_args(hint) if one is not type(None))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        before = len(reading.problems)
        values = read_table(hint, raw, reading, path)
        return hint(**values) if len(reading.problems) == before else None
    if typing.get_origin(hint) is tuple:
        item = typing.get_args(hint)[0]
        if not isinstance(raw, list):
            wanted = f"[[{dotted(path)}]]" if dataclasses.is_dataclass(item) else "an array"
            reading.refuse(path, f"expected {wanted}, found {_found(raw)}")
            return None
        values = [read_value(item, one, reading, (*path, index)) for index, one in enumerate(raw)]
        return None if None in values else tuple(values)
    if typing.get_origin(hint) is dict:
        if not isinstance(raw, dict):
            reading.refuse(path, f"expected a table, found {_found(raw)}")
            return None
        item = typing.get_args(hint)[1]
        named = {name: read_value(item, one, reading, (*path, name)) for name, one in raw.items()}
        return None if None in named.values() else named
    wanted = str if hint is Path else hint
    if wanted is float and type(raw) is int:
        raw = float(raw)
    if type(raw) is not wanted:          # exact: true is no number, a date-time no date
        reading.refuse(path, f"expected {_WORDS[hint]}, found {_found(raw)}")
        return None
    if wanted is str and "\0" in raw:
        reading.refuse(path, "holds a NUL character")
        return None
    return reading.absolute(raw) if hint is Path else raw


def unknown(what: str, name: str, known: typing.Iterable[str]) -> str:
    """`unknown key; did you mean …` with the nearest known name, or all of them."""
    import difflib  # only a wrong file pays for it

    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"unknown {what}; " + (f"did you mean `{near[0]}`?" if near else f"known are {', '.join(names)}")


def _read_form(metadata: Mapping[str, Any], raw: Any, reading: Reading, path: KeyPath) -> Any:
    value = metadata["read"](raw, reading.absolute) if isinstance(raw, str) and "\0" not in raw else None
    if value is None:
        # The string is not repeated: where a reference is wanted it may be the secret itself.
        found = "something else" if isinstance(raw, str) else _found(raw)
        reading.refuse(path, f"expected {metadata['forms']}, found {found}")
    return value


def _found(raw: Any) -> str:
    if isinstance(raw, str):
        return "a string"
    if isinstance(raw, datetime):
        return "a date with a time"
    return _WORDS.get(type(raw), type(raw).__name__)
