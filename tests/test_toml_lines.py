"""Lines of keys, in every way TOML lets them be written."""

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from runbook.toml_lines import line_of, lines_of
from runbook.toml_text import toml_text

TEXT = '''\
a = 1            # [not.a.table]
"b c" = """
x = 1
[y]
"""
d.e = [
  "x = 1", # y = 2
  [1, 2],
]
f = { g = 1, h = "]" }

[t]
k = 'it\\'

[[host]]
name = "one"
  [host.bmc]
  address = "x"
[[host]]
name = "two"
[host.bmc]
address = "y"
'''


def test_every_key_is_found_on_its_line():
    lines = lines_of(TEXT)
    assert tomllib.loads(TEXT)["host"][1]["bmc"]["address"] == "y"
    assert lines == {
        ("a",): 1, ("b c",): 2, ("d", "e"): 6, ("f",): 10, ("t",): 12, ("t", "k"): 13,
        ("host", 0): 15, ("host", 0, "name"): 16, ("host", 0, "bmc"): 17, ("host", 0, "bmc", "address"): 18,
        ("host", 1): 19, ("host", 1, "name"): 20, ("host", 1, "bmc"): 21, ("host", 1, "bmc", "address"): 22,
    }


def test_a_key_of_an_inline_table_has_the_line_of_the_table():
    assert line_of(("f", "h"), lines_of(TEXT)) == 10


def test_what_stands_nowhere_is_said_to_be_on_the_first_line():
    assert line_of(("nowhere",), lines_of(TEXT)) == 1

KEYS = st.text("abcxyz_", min_size=1, max_size=3)
SCALARS = st.integers() | st.text(max_size=6) | st.lists(st.text("[]#=\"'\n", max_size=4), max_size=3)
DOCUMENTS = st.recursive(
    st.dictionaries(KEYS, SCALARS, max_size=3),
    lambda inner: st.dictionaries(KEYS, SCALARS | inner | st.lists(inner, min_size=1, max_size=2), max_size=3),
    max_leaves=8,
)


def paths(document: object, at: tuple = ()):
    """Every key and every table, as `lines_of` names them."""
    for name, value in document.items():
        path = (*at, name)
        if isinstance(value, dict):
            yield path
            yield from paths(value, path)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for index, element in enumerate(value):
                yield (*path, index)
                yield from paths(element, (*path, index))
        else:
            yield path


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS)
def test_every_key_of_any_written_document_stands_where_it_is_said_to(document):
    text = toml_text(document)
    lines = lines_of(text)
    assert set(lines) == set(paths(document))
    for path, number in lines.items():
        name = next(part for part in reversed(path) if isinstance(part, str))
        line = text.split("\n")[number - 1]
        assert line.startswith(f"{name} = ") or line.strip("[]").split(".")[-1] == name


def test_only_a_line_feed_ends_a_line_as_in_toml():
    text = 'a = "\u2028\x85"\r\n# \u2028\nb = 1\n'
    assert tomllib.loads(text)["b"] == 1
    assert lines_of(text) == {("a",): 1, ("b",): 3}
