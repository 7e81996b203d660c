"""The article's register table: judged where its architecture was measured, and otherwise with what is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runbook.chapters.abi.convention import Convention, convention_of
from runbook.chapters.abi.disassembly import Code
from runbook.chapters.abi.judges import Conventions
from runbook.chapters.abi.keeping import Keeping
from runbook.chapters.abi.measure import Measured
from runbook.claims.hearing import hear
from runbook.targets import load_target
from tests.chapters.abi.test_convention import printed

SW64 = load_target("sw64")
AS_EXPECTED = Convention(
    ("$16", "$17", "$18", "$19", "$20", "$21", "stack+0"), "$0", "$26", 16, reals=("$f16", "$f17", "stack+0"),
    keeping=Keeping(tuple(f"${number}" for number in range(9, 16)), tuple(f"${number}" for number in range(1, 9)),
                    ("$31", "$f31")),
    facts={"instruction.addl": "80000000", "instruction.ret_goes_by_its_operand": "1"})
AS_THE_ARTICLE_SAYS = Convention(
    tuple(f"${number}" for number in (*range(2, 8), *range(16, 24))), "$2", "$1", 16,
    reals=tuple(f"$f{number}" for number in (*range(8), *range(16, 24))),
    keeping=Keeping(tuple(f"${number}" for number in range(8, 16)), tuple(f"${number}" for number in range(1, 8)),
                    ("$0",)),
    facts={"instruction.addl": "ffffffff80000000", "instruction.ret_goes_by_its_operand": "0"})
ALL = ("2.1-c", "2.1-d", "2.1-e", "2.1-f", "2.1-g", "2.1-i", "2.1-j", "2.1-k")


def heard(site: str, *measured: Measured) -> dict[str, bool | None]:
    evidence = Conventions(load_target(site), measured)
    return {claim.id: judgement.holds for claim, judgement in hear("01_abi_inspection", evidence)}


@pytest.mark.parametrize(("seen", "holds"), [(AS_EXPECTED, False), (AS_THE_ARTICLE_SAYS, True)])
def test_a_measured_convention_decides_either_way(seen: Convention, holds: bool) -> None:
    told = heard("sw64", Measured(SW64, "node1", convention=seen))
    assert {id: told[id] for id in ALL} == dict.fromkeys(ALL, holds)
    assert told["2.1-h"] is True and told["2.1-a"] is None


@pytest.mark.parametrize(("lengths", "holds"), [({4}, True), ({2, 4}, False)])
def test_the_length_of_instructions_is_judged_by_all_that_were_taken_apart(lengths: set[int], holds: bool) -> None:
    one = Measured(SW64, "node1", convention=AS_EXPECTED, code=Code(frozenset(lengths), ("ret",)))
    assert heard("sw64", one)["2.1-a"] is holds


def test_an_instruction_that_crashed_is_not_judged() -> None:
    seen = replace(AS_EXPECTED, facts={})
    assert heard("sw64", Measured(SW64, "node1", convention=seen))["2.1-k"] is None


def test_alphas_own_probe_judged_as_if_it_were_the_articles_machine_shows_what_alpha_does() -> None:
    """Its names of registers are the same: the nearest thing to that machine that can be measured here."""
    told = heard("sw64", Measured(SW64, "node1", convention=convention_of(printed("alpha"))))
    assert told["2.1-j"] is True  # Alpha's addl adds 32 bits
    assert {told[id] for id in ALL if id != "2.1-j"} == {False} and told["2.1-h"] is True


def test_on_another_target_the_table_is_not_measurable_and_says_what_it_needs() -> None:
    evidence = Conventions(load_target("riscv64"),
                           (Measured(load_target("riscv64"), convention=convention_of(printed("riscv64"))),))
    told = {claim.id: judgement for claim, judgement in hear("01_abi_inspection", evidence)}
    assert {judgement.holds for judgement in told.values()} == {None}
    assert "this site's target is riscv64" in told["2.1-f"].why and "sw64" in told["2.1-f"].why
    assert "no C compiler here for" in told["2.1-l"].why


def test_without_a_compiler_the_reason_is_the_compilers() -> None:
    evidence = Conventions(SW64, (Measured(SW64, why="no C compiler for sw64: none is on the PATH"),))
    told = {claim.id: judgement for claim, judgement in hear("01_abi_inspection", evidence)}
    assert told["2.1-d"].why == "no C compiler for sw64: none is on the PATH"


def test_the_other_columns_are_judged_by_those_that_were_measured() -> None:
    def of(target: str, printed_by: str) -> Measured:
        return Measured(load_target(target), convention=convention_of(printed(printed_by)))

    assert heard("riscv64", of("amd64", "amd64"))["2.1-l"] is True
    assert heard("riscv64", of("amd64", "amd64"), of("arm64", "arm64"))["2.1-l"] is True
    assert heard("riscv64", of("amd64", "amd64"), of("arm64", "riscv64"))["2.1-l"] is False
