"""Mean, deviation and interval, against values that are known."""

from __future__ import annotations

import pytest

from runbook.chapters.load.measured import spread_text
from runbook.chapters.load.spread import Spread


def test_the_interval_is_students() -> None:
    spread = Spread([10.0, 12.0, 14.0, 16.0, 18.0])
    assert spread.mean == 14.0
    assert spread.deviation == pytest.approx(3.1623, abs=1e-4)
    assert spread.half_width == pytest.approx(3.9259, abs=1e-3)  # 2.776 * 3.1623 / sqrt(5)


def test_a_number_of_repeats_between_two_rows_takes_the_wider_quantile() -> None:
    spread = Spread([float(number % 3) for number in range(14)])  # 13 degrees of freedom: the row of 12
    assert spread.half_width == pytest.approx(2.179 * spread.deviation / 14**0.5)


def test_many_repeats_are_normal() -> None:
    spread = Spread([float(number % 2) for number in range(100)])
    assert spread.half_width == pytest.approx(1.960 * spread.deviation / 10)


def test_too_few_repeats_have_a_range_and_no_interval() -> None:
    spread = Spread([1.0, 3.0])
    assert spread.half_width is None
    assert spread_text(spread) == "2 (1 to 3)"


def test_no_value_is_no_spread() -> None:
    with pytest.raises(ValueError, match="no value"):
        Spread([])
