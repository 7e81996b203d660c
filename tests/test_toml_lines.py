"""Lines of keys, in every way TOML lets them be written."""

import tomllib

from runbook.toml_lines import line_of, lines_of

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
