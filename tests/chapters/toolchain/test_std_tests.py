"""What a test program of Go prints is read as it is meant, and a crash is never a pass."""

from __future__ import annotations

import pytest

from runbook import targets
from runbook.chapters.toolchain.std_tests import KNOWN, chosen, known_failures, outcome_of, usual_packages
from runbook.chapters.visit import Visit
from runbook.errors import ParameterError
from runbook.verdict import Basis

PASSED = """=== RUN   TestOne
--- PASS: TestOne (0.00s)
=== RUN   TestTwo
    two_test.go:3: no such thing here
--- SKIP: TestTwo (0.00s)
=== RUN   TestThree
=== RUN   TestThree/part
    --- PASS: TestThree/part (0.00s)
--- PASS: TestThree (0.01s)
PASS
"""
FAILED = PASSED.replace("--- PASS: TestThree", "--- FAIL: TestThree").replace("\nPASS\n", "\nFAIL\n")


def seen(package: str, output: str, exit_code: int, complaint: str = "", basis: Basis = Basis.EMULATED,
         target: str = "riscv64"):
    return outcome_of(package, target, Visit("node1", exit_code, output, complaint, 0.1), basis)


def test_tests_are_counted_once_whatever_parts_they_have() -> None:
    run = seen("strconv", PASSED, 0)
    assert (run.passed, run.skipped, run.failed, run.ok) == (2, 1, (), True)
    assert str(run) == "strconv: 2 passed, 1 skipped"


def test_a_failed_test_is_named() -> None:
    run = seen("strconv", FAILED, 1)
    assert run.unexpected == ("TestThree",) and not run.ok


def test_a_failure_that_is_known_of_the_emulator_counts_only_there() -> None:
    output = FAILED.replace("TestThree", "TestExecutable")
    assert seen("os", output, 1).ok and not seen("os", output, 1, basis=Basis.NATIVE).ok
    assert not seen("net", output, 1).ok, "another package's"
    assert not seen("os", output, 1, target="sw64").ok, "another target's"
    assert not seen("os", output.replace("TestOne (", "TestMore (").replace("PASS: TestMore", "FAIL: TestMore"), 1).ok


def test_a_known_failure_is_told_apart_from_a_new_one_and_from_one_that_passes_now() -> None:
    known = FAILED.replace("TestThree", "TestExecutable")
    run = seen("os", known, 1)
    assert run.ok and run.known and str(run).endswith("1 passed, 1 skipped, TestExecutable failed as is known")
    run = seen("os", known.replace("PASS: TestOne", "FAIL: TestOne"), 1)
    assert not run.ok and run.unexpected == ("TestOne",)
    assert str(run).endswith("TestExecutable failed as is known, TestOne failed")
    run = seen("os", PASSED.replace("TestThree", "TestExecutable"), 0)
    assert run.ok and run.mended == ("TestExecutable",)
    assert str(run).endswith("TestExecutable passed, though known to fail")
    assert seen("os", PASSED.replace("TestThree", "TestExecutable"), 0, basis=Basis.NATIVE).mended == ()


def test_every_known_failure_is_a_targets_and_has_a_reason_and_a_source() -> None:
    files = sorted(KNOWN.glob("*.toml"))
    assert files and {file.stem for file in files} <= set(targets.names())
    for file in files:
        for one in known_failures(file.stem):
            assert one.tests and one.bases and one.why and one.source
    assert known_failures("sw64") == ()


@pytest.mark.parametrize(("output", "code", "complaint", "told"), [
    ("=== RUN   TestOne\npanic: boom\n\ngoroutine 1 [running]:\n", 2, "", "panic: boom"),
    ("", 139, "qemu: uncaught target signal 11\n", "SIGSEGV"),
    ("", 127, "sh: ./x: not found\n", "not found"),
    (PASSED, 2, "fatal error: found bad pointer\n", "found bad pointer"),
])
def test_a_crash_is_a_failure_with_its_first_words(output: str, code: int, complaint: str, told: str) -> None:
    run = seen("strconv", output, code, complaint)
    assert not run.ok and told in str(run)


def test_a_program_without_a_single_test_has_not_passed() -> None:
    assert not seen("strconv", "testing: warning: no tests to run\nPASS\n", 0).ok


def test_packages_are_named_as_go_names_them() -> None:
    assert chosen([]) == usual_packages() and len(usual_packages()) == 6
    assert chosen(["os"]) == ("os",)
    for wrong in ("../etc", "a b", "", "-exec=sh", 3):
        with pytest.raises(ParameterError, match="no package of the standard library"):
            chosen([wrong])
