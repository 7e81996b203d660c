"""The parameters cell of a notebook: names, types, defaults and helps, and values that come as text."""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook.contents import COMMON_PARAMETERS
from runbook.errors import ParameterError

TYPES: Mapping[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "list": list}
TRUE, FALSE = ("true", "yes", "1", "on"), ("false", "no", "0", "off")

# What the command line has words of its own for; -p would say it twice.
OWN_WORDS: Mapping[str, str] = {
    "site": "--site FILE",
    "run": "--resume RUN",
    "check": "--check",
    "confirm": "--confirm SITE",
}

EXAMPLES: Mapping[type, str] = {
    bool: "say true or false",
    list: 'say a,b,c or ["a", "b"]',
    int: "say a whole number",
    float: "say a number",
    str: "say any text",
}


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell."""

    name: str
    type: type
    default: object
    help: str


def parameters_of(notebook: Path) -> dict[str, Parameter]:
    """The parameters of a notebook by name, in the cell's order. Raises ParameterError for a bad cell."""
    try:
        cells = json.loads(notebook.read_text())["cells"]
    except (OSError, ValueError, KeyError) as error:
        raise ParameterError(f"{notebook}: no notebook: {error}", next="restore it from git") from error
    sources = ["".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", ())]
    if len(sources) != 1:
        raise ParameterError(
            f"{notebook}: {len(sources)} cells have the tag `parameters`, not one", next="restore it from git"
        )
    return {found.name: found for found in _read(sources[0], notebook)}


def _read(source: str, notebook: Path) -> Iterator[Parameter]:
    lines = source.splitlines()
    for node in ast.parse(source).body:
        where = f"{notebook}: parameters cell, line {node.lineno}"
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name) or node.value is None:
            raise ParameterError(
                f"{where}: `{lines[node.lineno - 1]}` is no parameter",
                next="write `name: type = value  # help`",
            )
        kind = TYPES.get(ast.unparse(node.annotation).partition("[")[0])
        if kind is None:
            raise ParameterError(
                f"{where}: the type of `{node.target.id}` is unknown", next="one of " + ", ".join(TYPES)
            )
        explained = lines[(node.end_lineno or 1) - 1].partition("#")[2].strip()
        yield Parameter(node.target.id, kind, ast.literal_eval(node.value), explained)


def chosen(texts: Iterable[str], known: Mapping[str, Mapping[str, Parameter]]) -> dict[str, dict[str, object]]:
    """`CHAPTER.NAME=VALUE` texts as values by chapter; `known` is each chapter's parameters.

    Types come from the parameters cell: `version=1.10` of a str stays `1.10`. Raises ParameterError with the
    nearest known name for an unknown chapter or parameter, and for a value that is not of the type.
    """
    found: dict[str, dict[str, object]] = {}
    for text in texts:
        left, equals, value = text.partition("=")
        asked, dot, name = left.partition(".")
        if not (equals and dot):
            raise ParameterError(f"-p {text}: no chapter, name and value", next="write -p CHAPTER.NAME=VALUE")
        chapter = next((one for one in known if asked in (one, one[:2], one[3:])), None)
        if chapter is None:
            raise ParameterError(
                f"-p {text}: no chapter `{asked}` in this run{nearest(asked, known)}",
                next="one of " + ", ".join(known),
            )
        if name in OWN_WORDS:
            raise ParameterError(f"-p {text}: `{name}` is of the whole run", next=f"say {OWN_WORDS[name]}")
        if name not in known[chapter]:
            own = [one for one in known[chapter] if one not in COMMON_PARAMETERS] + ["only_hosts"]
            raise ParameterError(
                f"-p {text}: {chapter} has no parameter `{name}`{nearest(name, own)}",
                next="its parameters are " + ", ".join(own),
            )
        found.setdefault(chapter, {})[name] = from_text(value, known[chapter][name].type, f"-p {text}")
    return found


def from_text(text: str, kind: type, where: str) -> object:
    """A value of the type `kind`. Raises ParameterError that names `where` it came from."""
    try:
        if kind is bool:
            return {**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}[text.lower()]
        if kind is list and not text.startswith("["):
            return [item.strip() for item in text.split(",") if item.strip()]
        if kind is list:
            return json.loads(text)
        return kind(text)
    except (ValueError, KeyError) as error:
        raise ParameterError(f"{where}: {text!r} is no {kind.__name__}", next=EXAMPLES[kind]) from error


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, or nothing where no known name is near."""
    near = difflib.get_close_matches(name, list(known), 1, 0.5)
    return f"; did you mean {near[0]}?" if near else ""
