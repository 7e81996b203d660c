"""A new site file: every key with its meaning, ready to be filled in."""

from __future__ import annotations

import dataclasses
import textwrap
import typing
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from runbook.site import Site
from runbook.table import columns, toml_name
from runbook.targets import load_target
from runbook.toml_text import toml_value

WIDTH = 110   # columns
BESIDE = 40   # where comments start
HEAD = """\
# A site: the servers, what they are for, and how changes to them are allowed.
#
# Fill in the lines that are not commented out; a commented key stands at its default. Check it with
# `runbook doctor --site {file}`.
# Relative paths start beside this file. A secret never stands here: write `env:NAME` (an environment
# variable), `file:PATH` (a file of mode 0600) or `prompt:` (asked for). What is misspelt is refused with
# file, line and key. All keys of [ssh] but `at_once` may stand at a [[host]] too.
"""


def new_site(name: str, target: str, file: str = "FILE", hosts: Sequence[Mapping[str, Any]] = ()) -> str:
    """The text of a new site file, valid as it stands; raises TargetError for an unknown target.

    `file` is where it will be, as its own comment says; `hosts` are tables of name, address and roles, of which the
    first is explained key by key.
    """
    given: dict[str, Any] = {"name": name, "target": target}
    for first in hosts[:1]:
        given |= {f"host.{key}": value for key, value in first.items()}
    given["more host"] = "".join(
        "\n[[host]]\n" + "".join(f"{key} = {toml_value(value)}\n" for key, value in one.items()) for one in hosts[1:])
    if load_target(target).go.upstream:
        given["toolchain.go"] = None  # upstream's default will do
    return HEAD.format(file=file) + "\n" + _table(Site, "", given)


def _table(table: type, prefix: str, given: dict[str, Any], commented: bool = False, indent: str = "") -> str:
    plain, below = "", ""
    for one, hint in columns(table):
        key = prefix + toml_name(one)
        inner = None if one.metadata["read"] else _inner(hint)
        if inner is None:
            plain += _line(one, key, given, commented, indent)
            continue
        off = commented or one.default in ((), None)
        header = f"[[{key}]]" if typing.get_origin(hint) is tuple else f"[{key}]"
        depth = indent + "  " * bool(prefix)
        below += "\n" + _with_help(f"{depth}{'# ' * off}{header}", one.metadata["help"], depth)
        below += _table(inner, f"{key}.", given, off, depth) + given.get(f"more {key}", "")
    return plain + below


def _inner(hint: Any) -> type | None:
    """The dataclass of a table or of an array of tables; None for a plain value."""
    for one in (hint, *typing.get_args(hint)):
        if isinstance(one, type) and is_dataclass(one):
            return one
    return None


def _line(one: dataclasses.Field[Any], key: str, given: dict[str, Any], commented: bool, indent: str) -> str:
    """A key: live where it has an example, commented out where its default will do."""
    example = given.get(key, one.metadata["example"])
    value = one.default if example is None else example
    if value is None or value is dataclasses.MISSING:
        value = ""
    off = commented or example is None
    shown = str(value) if isinstance(value, Path) or one.metadata["read"] else value
    text = f"{indent}{'# ' * off}{toml_name(one)} = {toml_value(shown)}"
    return _with_help(text, one.metadata["help"], indent)


def _with_help(text: str, help: str, indent: str) -> str:
    """Its help beside it, or above it where that would be too wide."""
    beside = f"{text:<{BESIDE}}  # {help}"
    if len(beside) <= WIDTH:
        return beside + "\n"
    above = textwrap.wrap(help, WIDTH - len(indent) - 2)
    return "".join(f"{indent}# {line}\n" for line in above) + text + "\n"
