"""Tables for people: a word beside each colour, nothing that a host said taken as HTML."""

from runbook.show.tables import board, facts_table, state_table, verdict_table
from runbook.verdict import Basis, Figure, failed, passed

SCRIPT = "<script>alert(1)</script>"


def test_a_state_is_told_by_a_word_and_not_by_colour_alone():
    shown = state_table({"node1": ("applied", "2 changed"), "node2": ("unchanged", "0 changed")})
    assert "applied" in shown and "unchanged" in shown and "2 changed" in shown


def test_what_a_host_says_is_never_taken_as_html():
    for shown in (
        state_table({"node1": ("applied", SCRIPT)}),
        facts_table(["node1"], {"os": {"node1": SCRIPT}}),
        verdict_table([failed(SCRIPT, SCRIPT, SCRIPT)]),
        board(["one"], {SCRIPT: {"one": "pass"}}),
    ):
        assert SCRIPT not in shown
        assert "&lt;script&gt;" in shown


def test_an_emulated_figure_says_so():
    emulated = passed("answers", "it did", "node1", latency=Figure(3.5, "ms", "node1", Basis.EMULATED))
    native = passed("answers", "it did", "node1", latency=Figure(3.5, "ms", "node1"))
    assert "3.5 ms (emulated)" in verdict_table([emulated])
    assert "emulated" not in verdict_table([native])


def test_a_question_that_one_host_was_not_asked_leaves_its_cell_empty():
    shown = facts_table(["node1", "node2"], {"page_size": {"node1": "4096"}})
    assert shown.count("<td") == 3 and "page size" in shown


def test_tables_do_not_pay_for_plotly():
    import subprocess
    import sys

    code = "import sys, runbook.show.tables; sys.exit('plotly' in sys.modules or 'ipywidgets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0
