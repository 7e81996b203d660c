"""What a probe printed shows the convention that its target's file expects, and no more than was seen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runbook.chapters.abi.compare import compare, state_of
from runbook.chapters.abi.conformity import follows
from runbook.chapters.abi.convention import ALIGNMENT, ARGUMENTS, ITEMS, RESULT, RETURN, convention_of
from runbook.chapters.abi.measure import Measured
from runbook.targets import load_target
from runbook.verdict import State

RECORDED = Path(__file__).resolve().parents[2] / "recorded" / "abi-probes"


def printed(target: str) -> str:
    return (RECORDED / target).read_text()


@pytest.mark.parametrize(("target", "on_stack"), [
    ("riscv64", ("stack+0", "stack+8")),
    ("arm64", ("stack+0", "stack+8")),
    ("amd64", ("stack+8", "stack+16", "stack+24", "stack+32")),  # below them lies the return address
    ("alpha", ("stack+0", "stack+8", "stack+16", "stack+24")),
])
def test_four_recorded_probes_show_what_their_targets_files_expect(target: str, on_stack: tuple[str, ...]) -> None:
    seen, expected = convention_of(printed(target)), load_target(target)
    assert [state_of(expected, seen, item) for item in ITEMS] == [State.PASS] * 4
    assert seen.on_stack == on_stack and not seen.missing
    if expected.registers.zero:
        assert expected.registers.zero in seen.never_set


def test_one_targets_probe_does_not_pass_for_another() -> None:
    seen, other = convention_of(printed("riscv64")), load_target("arm64")
    assert {item: state_of(other, seen, item) for item in ITEMS} == {
        ARGUMENTS: State.FAIL, RESULT: State.FAIL, RETURN: State.FAIL, ALIGNMENT: State.PASS}


def test_a_probe_that_crashed_is_named_with_its_signal_and_the_others_stand() -> None:
    text = re.sub(r"(?m)^return-address (?!ended).*\n", "", printed("riscv64"))
    seen = convention_of(text.replace("return-address ended exit 0", "return-address ended signal 4"))
    assert seen.missing[RETURN] == "the probe return-address ended by SIGILL"
    assert seen.result == "a0" and len(seen.in_registers) == 8
    verdicts = follows(Measured(load_target("riscv64"), "node1", convention=seen), "riscv64")
    states = {verdict.what: verdict.state for verdict in verdicts}
    assert states["riscv64: return address"] is State.FAIL and states["riscv64: integer result"] is State.PASS


@pytest.mark.parametrize("cut", [0, 1, 100, 5000, 9000])
def test_output_that_breaks_off_anywhere_says_what_is_missing(cut: int) -> None:
    seen = convention_of(printed("riscv64")[:cut])
    assert seen.missing and set(seen.missing) <= set(ITEMS)


def test_two_registers_that_held_the_argument_are_not_called_its_place() -> None:
    text = re.sub(r"(?m)^(result-\w+ register) a5 \w+$",
                  lambda line: f"{line[1]} a5 {line_of(line.string, line[1], 'a0')}", printed("riscv64"))
    seen = convention_of(text)
    assert seen.result == "a0 or a5"
    assert state_of(load_target("riscv64"), seen, RESULT) is State.SKIPPED


def line_of(text: str, begin: str, register: str) -> str:
    found = re.search(rf"(?m)^{begin} {register} (\w+)$", text)
    assert found
    return found[1]


def test_the_comparison_shows_the_article_beside_the_sources_and_the_measure() -> None:
    target = load_target("arm64")
    table = compare((Measured(target, "here", convention=convention_of(printed("arm64"))),), ("arm64",))
    assert str(table) == "arm64: 4 of 4 items measured, 4 as expected"
    html = table._repr_html_()
    assert "x30" in html and "then stack+0" in html and "as expected" not in html


def test_without_a_measurement_the_table_still_says_what_is_expected() -> None:
    table = compare((Measured(load_target("sw64"), why="no compiler"),), ("sw64",))
    assert str(table) == "sw64: 0 of 4 items measured, 0 as expected"
    assert "$16" in table._repr_html_() and "$2, $3" in table._repr_html_()
