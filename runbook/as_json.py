"""A value as JSON knows it: one form for the journal, for facts and for what a report reads."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import PurePath

from runbook.remote.secret import MASK, Reference, Secret

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


def _as_it_is(text: str) -> str:
    return text


def to_json(value: object, *, mask: Callable[[str], str] = _as_it_is, where: str = "value") -> Json:
    """`value` as str, number, bool, None, list and dict; every text in it, keys too, went through `mask`.

    Dataclasses and mappings become objects, tuples lists, sets sorted lists, enums their value, paths and
    references their text, times RFC 3339, durations seconds, a Secret `***`, an infinite number its name.
    Raises TypeError, naming the place by `where`, for bytes (an output belongs into a log, a file into the
    artefacts) and for whatever has no such form.
    """
    if value is None or value is True or value is False:
        return value
    kind = type(value)
    if kind is str:
        return mask(value)  # type: ignore[arg-type]
    if kind is int or kind is float:
        return _number(value, mask)  # type: ignore[arg-type]
    if isinstance(value, Enum):
        return to_json(value.value, mask=mask, where=where)
    if isinstance(value, (str, PurePath, Reference, BaseException)):
        return mask(str(value))
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, (int, float)):
        return _number(value, mask)
    if isinstance(value, Mapping):
        return {
            mask(str(to_json(key, where=where))): to_json(item, mask=mask, where=f"{where}.{key}")
            for key, item in value.items()
        }
    if is_dataclass(value) and not isinstance(value, type):
        if hasattr(value, "to_dict"):  # it knows better which of its fields may be written
            return to_json(value.to_dict(), mask=mask, where=where)
        return {
            field.name: to_json(getattr(value, field.name), mask=mask, where=f"{where}.{field.name}")
            for field in fields(value)
        }
    if isinstance(value, (list, tuple)):
        return [to_json(item, mask=mask, where=f"{where}[{place}]") for place, item in enumerate(value)]
    if isinstance(value, Set):
        return sorted((to_json(item, mask=mask, where=where) for item in value), key=str)
    if isinstance(value, datetime):
        return rfc3339(value) if value.tzinfo else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(f"{where}: bytes have no form in JSON; outputs go to logs, files to artifacts")
    raise TypeError(f"{where}: a {kind.__module__}.{kind.__qualname__} has no form in JSON; give a dataclass")


def line_of(value: Mapping[str, Json]) -> bytes:
    """An object as one line of JSON without its line feed; raises ValueError for an infinite number."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:  # bytes that were no UTF-8 stand in a text as lone surrogates
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def rfc3339(time: datetime) -> str:
    """An aware time as RFC 3339 writes it, in the time zone it has; UTC as `Z`."""
    return time.isoformat().replace("+00:00", "Z")


def _number(value: int | float, mask: Callable[[str], str]) -> Json:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    # A PIN is a secret too: a number is masked where all of it is one, not where a part looks like one.
    return MASK if mask(str(value)) == MASK else value
