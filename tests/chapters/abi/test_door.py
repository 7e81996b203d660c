"""The inspection goes on where a compiler is missing, and always shows what is expected of the article's machine."""

from __future__ import annotations

from runbook.chapters.abi.across import fact_of
from runbook.chapters.abi.conformity import follows, follows_altogether
from runbook.chapters.abi.convention import convention_of
from runbook.chapters.abi.door import Conventional
from runbook.chapters.abi.measure import Measured
from runbook.chapters.abi.registers import CAPTION, picture, rows_of
from runbook.targets import load_target
from runbook.verdict import Basis, State
from tests.chapters.abi.test_convention import printed

RISCV64 = Measured(load_target("riscv64"), "node1", Basis.EMULATED, convention=convention_of(printed("riscv64")))


def test_a_missing_compiler_is_skipped_with_what_mends_it_and_nothing_fails() -> None:
    why = "no C compiler for sw64: none is on the PATH; install sw_64-sunway-linux-gnu-gcc with its C library"
    (verdict,) = follows(Measured(load_target("sw64"), why=why))
    assert verdict.state is State.SKIPPED and verdict.reason == why


def test_figures_say_that_they_were_taken_under_emulation() -> None:
    figures = [figure for verdict in follows(RISCV64) for figure in verdict.figures.values()]
    assert {(figure.value, str(figure.basis)) for figure in figures} == {
        (8, "emulated"), (16, "emulated"), (24, "emulated")}


def test_the_text_of_the_sites_target_is_the_same_on_any_machine() -> None:
    own = Measured(load_target("amd64"), convention=convention_of(printed("amd64")))
    other = Measured(load_target("arm64"), convention=convention_of(printed("arm64")))
    told = Conventional(RISCV64, own)
    assert str(told) == "riscv64: measured\nthis machine's own: measured" == str(Conventional(RISCV64, other))
    assert str(follows_altogether(own, "this machine's own")) == str(follows_altogether(other, "this machine's own")) \
        == "this machine's own: C calling convention: pass, 20 items as the target file expects"


def test_what_is_wrong_with_this_machines_own_is_named() -> None:
    wrong = Measured(load_target("amd64"), convention=convention_of(printed("alpha")))
    verdict = follows_altogether(wrong, "this machine's own")
    assert verdict.state is State.FAIL and "amd64: integer result: measured $0, expected %rax" in verdict.reason


def test_the_picture_has_every_register_of_each_target_with_its_role_in_letters() -> None:
    told = picture(Conventional(RISCV64, None).with_the_articles)
    assert repr(told) == CAPTION and str(told) != ""
    cells = {text for trace in told.figure.data for text in trace.text}
    assert {"a0<br><b>A1R</b>", "zero<br><b>0</b>", "ra<br><b>L</b>", "s1<br><b>K</b>", "sp<br><b>S</b>"} <= cells
    assert "$26<br><b>L</b>" in cells  # expected of the article's machine
    rows = {row.name: row.standing for row in rows_of(Measured(load_target("sw64")))}
    assert rows["sw64, integer, expected"] == "expected, not measured"


def test_what_an_emulator_cannot_tell_is_not_shown_as_the_targets() -> None:
    native = Measured(load_target("amd64"), convention=convention_of(printed("amd64")))
    for fact in ("given.page", "given.vdso", "given.signal_frame"):
        assert fact_of(RISCV64, fact) == "not measurable here: it is the emulator's"
        assert fact_of(native, fact) not in ("not told", fact_of(RISCV64, fact))
    assert fact_of(RISCV64, "sign.char") == "no" and fact_of(native, "sign.char") == "yes"
    table = Conventional(RISCV64, native).across()._repr_html_()
    assert "expected, not measured" in table and "address in a0" in table


def test_what_is_expected_of_the_articles_machine_stands_in_the_table_unmeasured() -> None:
    rows = {(row.target, row.item): row for row in Conventional(RISCV64, None).compared().rows}
    sw64 = rows["sw64", "return address"]
    assert (sw64.article, sw64.expected, sw64.measured, sw64.state) == ("$1", "$26", "not measured", State.SKIPPED)
