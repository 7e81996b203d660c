"""What hosts returned is shown with the odd ones first."""

from __future__ import annotations

import pytest

from runbook.errors import CommandFailed, LeftOut, Unreachable
from runbook.remote.command import Result, Script, command
from runbook.remote.outcomes import Outcomes
from runbook.remote.question import Answers, HostAnswers, Question


def test_the_odd_ones_come_first_and_errors_before_them() -> None:
    away = Unreachable("n4", "is away", next="x")
    outcomes = Outcomes({"n1": "as wanted", "n2": "otherwise", "n3": "as wanted", "n4": away})
    assert str(outcomes) == "n4      is away\n          next: x\nn2      otherwise\nn1, n3  as wanted"
    assert outcomes._repr_markdown_().splitlines() == [
        "| hosts | | next |", "|---|---|---|", "| n4 | **✗** is away | x |", "| n2 | otherwise |  |",
        "| n1, n3 | as wanted |  |"]


def test_of_many_hosts_that_say_the_same_one_row_is_shown() -> None:
    outcomes = Outcomes({f"n{number}": "otherwise" if number == 7 else "as wanted" for number in range(1, 201)})
    others = "199 hosts: n1, n2 … n200"
    assert str(outcomes).split("\n") == [f"{'n7':<{len(others)}}  otherwise", f"{others}  as wanted"]


def test_who_was_left_out_comes_after_who_failed() -> None:
    outcomes = Outcomes({"n1": LeftOut("n1", "not begun, since n2 failed", next="mend n2"),
                         "n2": Unreachable("n2", "is away", next="x"), "n3": "done"})
    assert [row.hosts for row in outcomes.rows()] == [("n2",), ("n1",), ("n3",)]
    with pytest.raises(Unreachable, match="n2: is away"):
        outcomes.values()


def test_hosts_that_failed_alike_are_one_row_too() -> None:
    def failed(host: str, seconds: float, code: int) -> CommandFailed:
        return CommandFailed(host, f"false: exit {code} after {seconds} s (expected 0)", exit_code_seen=code,
                             next=f"the whole output is in the run's logs/{host}.log")

    outcomes = Outcomes({"n1": failed("n1", 0.1, 1), "n10": failed("n10", 0.2, 1), "n2": failed("n2", 0.1, 2)})
    assert [line.split("  ", 1)[1].strip() for line in str(outcomes).splitlines()] == [
        "false: exit 1 after … s (expected 0)", "next: the whole output is in the run's logs/HOST.log",
        "false: exit 2 after 0.1 s (expected 0)", "next: the whole output is in the run's logs/n2.log"]
    assert [row.hosts for row in outcomes.rows()] == [("n1", "n10"), ("n2",)]


def test_a_result_is_shown_by_what_it_said() -> None:
    def ran(host: str, out: bytes, seconds: float, code: int = 0) -> Result:
        return Result(host, command("uname", "-r", also={3: "no matter"}), code, out, b"", seconds)

    outcomes = Outcomes({"n1": ran("n1", b"6.1\n", 0.1), "n2": ran("n2", b"5.10\n", 0.2),
                         "n3": ran("n3", b"6.1\n", 0.3), "n4": ran("n4", b"", 0.3, 3)})
    assert str(outcomes).splitlines() == ["n2      5.10", "n4      exit 3", "n1, n3  6.1"]


def test_answers_show_the_odd_ones_first_too() -> None:
    asked = Question(Script("uname -r"), str.strip, "kernel")
    kernels = {"n1": "6.1", "n2": "5.10", "n3": "6.1"}
    answers = Answers((*(HostAnswers(host, {asked: kernel}) for host, kernel in kernels.items()),
                       HostAnswers("n4", {}, Unreachable("n4", "is away", next="x"))))
    assert str(answers).splitlines() == ["n4      is away", "          next: x", "n2      5.10", "n1, n3  6.1"]
    assert answers._repr_markdown_().splitlines()[2:] == [
        "| n4 | **✗** is away | x |", "| n2 | 5.10 |  |", "| n1, n3 | 6.1 |  |"]


def test_an_error_hides_no_other_value() -> None:
    error = Unreachable("n1", "is away")
    outcomes = Outcomes({"n1": error, "n2": 7})
    assert outcomes["n2"] == 7 and outcomes.good == {"n2": 7} and outcomes.errors == {"n1": error} and not outcomes.ok
    for use in (outcomes.values, lambda: outcomes["n1"]):
        with pytest.raises(Unreachable):
            use()


def test_where_all_differ_the_order_stays() -> None:
    assert str(Outcomes({"b": 1, "a": 2})) == "b  1\na  2"
    assert str(Outcomes({})) == "no host"


def test_text_of_a_host_is_no_markup() -> None:
    shown = Outcomes({"n1": "<b> | `a` \n [x](y)"})._repr_markdown_()
    assert shown.splitlines()[2] == r"| n1 | &lt;b&gt; \| \`a\` <br> \[x\](y) |"
