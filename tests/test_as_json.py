"""Values as JSON knows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from runbook.as_json import line_of, to_json
from runbook.remote.secret import Reference, Secret
from runbook.verdict import Basis, Figure, State


@dataclass(frozen=True)
class Cgroups:
    unified: bool
    controllers: frozenset[str]


@pytest.mark.parametrize(("value", "form"), [
    (Cgroups(True, frozenset({"memory", "cpu"})), {"unified": True, "controllers": ["cpu", "memory"]}),
    (Figure(2.5, "ms", "node1", Basis.EMULATED),
     {"value": 2.5, "unit": "ms", "host": "node1", "basis": "emulated"}),
    (State.PASS, "pass"),
    (Path("/etc/hosts"), "/etc/hosts"),
    ((1, ("two", None)), [1, ["two", None]]),
    ({1: True, State.FAIL: 0.5}, {"1": True, "fail": 0.5}),
    (Secret("to-json-secret"), "***"),
    (Reference("env:BMC_PASSWORD"), "env:BMC_PASSWORD"),
    (float("inf"), "inf"),
    (datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC), "2026-11-23T01:02:03Z"),
    (date(2027, 6, 30), "2027-06-30"),
    (timedelta(seconds=1.5), 1.5),
    (ValueError("why"), "why"),
    ({3, 10, 2}, [10, 2, 3]),
])
def test_a_value_has_its_form(value: object, form: object) -> None:
    assert to_json(value) == form


@pytest.mark.parametrize(("value", "where"), [
    ({"out": [b"x"]}, r"fact\.out\[0\]: bytes"),
    (Cgroups(object(), frozenset()), r"fact\.unified: a builtins\.object"),  # type: ignore[arg-type]
])
def test_what_has_no_form_is_refused_with_its_place(value: object, where: str) -> None:
    with pytest.raises(TypeError, match=where):
        to_json(value, where="fact")


def test_bytes_that_were_no_text_survive_a_line() -> None:
    import json

    text = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert json.loads(line_of({"said": text})) == {"said": text}
    assert line_of({"why": "因为"}) == '{"why":"因为"}'.encode()
