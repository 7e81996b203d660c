"""Under which licences a binary's modules come, read from the texts that their sources carry."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from runbook.elf.go import Module

WORDS = Path(__file__).with_name("licences.toml")
NAMES = re.compile(r"(un)?licen[cs]e|copying", re.IGNORECASE)  # as files begin that hold a licence
LARGEST = 1 << 20  # bytes of one text


@dataclass(frozen=True)
class Licence:
    """What a module's own text says; `ids` are SPDX identifiers, none where no text was known by its words."""

    module: Module
    ids: tuple[str, ...]
    file: str = ""  # in the module's folder; empty: there is none, or the module is not in the cache
    sha256: str = ""  # of that text

    def __str__(self) -> str:
        return f"{self.module.path}: {' and '.join(self.ids) or 'not known'}"


def licence_of(module: Module, cache_folder: Path) -> Licence:
    """By the licence files in the module's own folder of Go's module cache; the first is named, all are read."""
    folder = cache_folder / f"{_escaped(module.path)}@{_escaped(module.version)}"
    try:
        files = sorted(one for one in folder.iterdir() if NAMES.match(one.name) and one.is_file())
    except OSError:
        return Licence(module, ())
    if not files:
        return Licence(module, ())
    texts = (file.read_bytes()[:LARGEST].decode("utf-8", "replace") for file in files)
    ids = dict.fromkeys(id for text in texts for id in licences_in(text))
    return Licence(module, tuple(ids), files[0].name, hashlib.sha256(files[0].read_bytes()).hexdigest())


def licences_in(text: str) -> tuple[str, ...]:
    """Every licence that a text has the words of."""
    plain = " ".join(re.sub(r"[*#=\"“”]|http\S+", " ", text).split()).lower()
    found: dict[str, str] = {}
    for id, family, words in _known():
        if all(one in plain for one in words):
            found.setdefault(family or id, id)
    return tuple(found.values())


def unknown(licences: Iterable[Licence]) -> tuple[str, ...]:
    """The modules whose licence has to be read by a person."""
    return tuple(str(one.module) for one in licences if not one.ids)


@cache
def _known() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    raw = tomllib.loads(WORDS.read_text("utf-8"))["licence"]
    return tuple((one["id"], one.get("family", ""), tuple(one["words"])) for one in raw)


def _escaped(text: str) -> str:
    """As Go's cache writes a path: `!a` for `A` (golang.org/ref/mod, module cache)."""
    return re.sub(r"[A-Z]", lambda letter: f"!{letter[0].lower()}", text)
