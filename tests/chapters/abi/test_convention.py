"""What a probe printed shows the convention that its target's file expects, and no more than was seen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runbook.chapters.abi.compare import compare, state_of
from runbook.chapters.abi.conformity import follows
from runbook.chapters.abi.convention import (
    ALIGNMENT,
    CALL,
    CONSTANTS,
    ITEMS,
    KEPT,
    LARGE,
    NUMBERS,
    RESULT,
    RETURN,
    WIDE_RESULT,
    convention_of,
)
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
    assert [state_of(expected, seen, item) for item in ITEMS] == [State.PASS] * len(ITEMS)
    assert seen.on_stack == on_stack and not seen.missing
    if expected.registers.zero:
        assert expected.registers.zero in seen.never_set


def test_one_targets_probe_does_not_pass_for_another() -> None:
    seen, other = convention_of(printed("riscv64")), load_target("arm64")
    alike = {ALIGNMENT, CALL, NUMBERS, CONSTANTS}  # the probe ran: its call is its own target's, both share the rest
    assert {item for item in ITEMS if state_of(other, seen, item) is State.PASS} == alike


def test_a_probe_that_crashed_is_named_with_its_signal_and_the_others_stand() -> None:
    text = re.sub(r"(?m)^return-address (?!ended).*\n", "", printed("riscv64"))
    seen = convention_of(text.replace("return-address ended exit 0", "return-address ended signal 4"))
    assert seen.missing[RETURN] == "the probe return-address ended by SIGILL"
    assert seen.result == "a0" and len(seen.in_registers) == 8
    verdicts = follows(Measured(load_target("riscv64"), "node1", convention=seen))
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


@pytest.mark.parametrize(("target", "large", "wide"), [
    ("amd64", ("stack",), ("%rax", "%rdx")),
    ("arm64", ("address in x0",), ("x0", "x1")),
    ("riscv64", ("address in a0",), ("a0", "a1")),
    ("alpha", ("$16", "$17", "$18", "$19", "$20", "$21"), ("address in $0",)),
])
def test_what_is_larger_than_a_register_goes_four_different_ways(
    target: str, large: tuple[str, ...], wide: tuple[str, ...]
) -> None:
    seen = convention_of(printed(target))
    assert seen.structured[LARGE] == large and seen.structured[WIDE_RESULT] == wide


def test_every_register_that_was_filled_is_either_kept_or_lost() -> None:
    for target in ("amd64", "arm64", "riscv64", "alpha"):
        keeping, file = convention_of(printed(target)).keeping, load_target(target).registers
        assert keeping.kept == (*file.callee_saved, *file.float_callee_saved)
        assert set(file.integer_arguments) <= set(keeping.lost) and not set(keeping.kept) & set(keeping.lost)


@pytest.mark.parametrize(("probe", "said"), [
    ("past-nothing", "cannot be trusted"), ("past-scramble", "cannot be trusted"), ("past-callee", "neither what"),
])
def test_a_keeping_probe_whose_control_fails_proves_nothing(probe: str, said: str) -> None:
    """One register holds something else: a routine of the assembler's half that is wrong."""
    text, changed = re.subn(rf"(?m)^{probe} register s7 \w+$", f"{probe} register s7 1", printed("riscv64"))
    seen = convention_of(text)
    assert changed == 1 and said in seen.missing[KEPT] and "s7" in seen.missing[KEPT] and seen.keeping.kept == ()
    assert state_of(load_target("riscv64"), seen, KEPT) is State.FAIL and seen.result == "a0"


def test_a_process_that_its_system_call_does_not_end_is_no_proof_of_the_call() -> None:
    seen = convention_of(printed("alpha").replace("raw-exit ended exit 42", "raw-exit ended exit 0"))
    assert "raw-exit exit 0" in seen.missing[CALL]


def test_a_number_that_a_target_does_not_have_is_none_and_not_that_of_another() -> None:
    rows = {row.item: row for row in compare((Measured(load_target("alpha"), convention=convention_of(
        re.sub(r"(?m)^(numbers fact syscall.bpf) \d+$", r"\1 __NR_bpf", printed("alpha")))),)).rows}
    assert "bpf none" in rows[NUMBERS].measured and rows[NUMBERS].state is State.FAIL


def line_of(text: str, begin: str, register: str) -> str:
    found = re.search(rf"(?m)^{begin} {register} (\w+)$", text)
    assert found
    return found[1]


def test_the_comparison_shows_the_article_beside_the_sources_and_the_measure() -> None:
    target = load_target("arm64")
    table = compare((Measured(target, "here", convention=convention_of(printed("arm64"))),), ("arm64",))
    assert str(table) == "arm64: 20 of 20 items measured, 20 as expected"
    html = table._repr_html_()
    assert "x30" in html and "then stack+0" in html and "as expected" not in html


def test_without_a_measurement_the_table_still_says_what_is_expected() -> None:
    table = compare((Measured(load_target("sw64"), why="no compiler"),), ("sw64",))
    assert str(table) == "sw64: 0 of 20 items measured, 0 as expected"
    assert "$16" in table._repr_html_() and "$2, $3" in table._repr_html_()
