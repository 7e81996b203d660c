"""The inspection goes on where a compiler is missing, and always shows what is expected of the article's machine."""

from __future__ import annotations

from runbook.chapters.abi.conformity import follows
from runbook.chapters.abi.convention import convention_of
from runbook.chapters.abi.door import Conventional
from runbook.chapters.abi.measure import Measured
from runbook.targets import load_target
from runbook.verdict import Basis, State
from tests.chapters.abi.test_convention import printed

RISCV64 = Measured(load_target("riscv64"), "node1", Basis.EMULATED, convention=convention_of(printed("riscv64")))


def test_a_missing_compiler_is_skipped_with_what_mends_it_and_nothing_fails() -> None:
    why = "no C compiler for sw64: none is on the PATH; install sw_64-sunway-linux-gnu-gcc with its C library"
    (verdict,) = follows(Measured(load_target("sw64"), why=why), "sw64")
    assert verdict.state is State.SKIPPED and verdict.reason == why


def test_figures_say_that_they_were_taken_under_emulation() -> None:
    figures = [figure for verdict in follows(RISCV64, "riscv64") for figure in verdict.figures.values()]
    assert {(figure.value, str(figure.basis)) for figure in figures} == {(8, "emulated"), (16, "emulated")}


def test_the_text_of_the_sites_target_is_the_same_on_any_machine() -> None:
    own = Measured(load_target("amd64"), convention=convention_of(printed("amd64")))
    other = Measured(load_target("arm64"), convention=convention_of(printed("arm64")))
    told = Conventional(RISCV64, own)
    assert str(told) == "riscv64: measured\nthis machine's own: measured" == str(Conventional(RISCV64, other))
    assert [str(one) for one in follows(own, "this machine's own")] == \
        [str(one) for one in follows(other, "this machine's own")]


def test_what_is_expected_of_the_articles_machine_stands_in_the_table_unmeasured() -> None:
    rows = {(row.target, row.item): row for row in Conventional(RISCV64, None).compared().rows}
    sw64 = rows["sw64", "return address"]
    assert (sw64.article, sw64.expected, sw64.measured, sw64.state) == ("$1", "$26", "not measured", State.SKIPPED)
