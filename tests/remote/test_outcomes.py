"""What hosts returned is shown with the odd ones first."""

from __future__ import annotations

import pytest

from runbook.errors import Unreachable
from runbook.remote.outcomes import Outcomes


def test_the_odd_ones_come_first_and_errors_before_them() -> None:
    away = Unreachable("n4", "is away", next="x")
    outcomes = Outcomes({"n1": "as wanted", "n2": "otherwise", "n3": "as wanted", "n4": away})
    assert str(outcomes) == "n4  is away\n      next: x\nn2  otherwise\nn1  as wanted\nn3  as wanted"
    assert outcomes._repr_html_().index("n4") < outcomes._repr_html_().index("n2") < outcomes._repr_html_().index("n1")


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
    assert "<b>" not in Outcomes({"n1": "<b>"})._repr_html_()
