"""TOML that is written is read back as the same."""

import tomllib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook.toml_text import toml_text, toml_value

TEXT = st.text(st.characters(blacklist_categories=["Cs"]))


@given(TEXT)
def test_any_string_survives_being_written_and_read(text):
    assert tomllib.loads(f"x = {toml_value(text)}") == {"x": text}


def test_tables_and_arrays_of_tables_are_read_back_as_they_were():
    document = {"a": 1, "b": [1.5, 2.0], "c": {"d": True, "e": {"f": "x"}},
                "g": [{"h": date(2027, 6, 30)}, {}]}
    assert tomllib.loads(toml_text(document)) == document


def test_what_toml_has_no_form_for_is_refused():
    with pytest.raises(TypeError, match="object has no form in TOML"):
        toml_value(object())
