"""How far repeated measurements lie apart: mean, deviation, and an interval where there are enough of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

ENOUGH = 5
"""Repeats from which on an interval is given: with fewer, Student's t makes it wider than what it is of."""

# Two-sided 95 % quantiles of Student's t, by degrees of freedom (NIST/SEMATECH e-Handbook, 1.3.6.7.2).
T_95 = {4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228, 12: 2.179, 15: 2.131, 20: 2.086,
        30: 2.042}
NORMAL_95 = 1.960


@dataclass(frozen=True)
class Spread:
    """Values of equal measurements, in their order; at least one."""

    values: tuple[float, ...]

    def __init__(self, values: Sequence[float]) -> None:
        if not values:
            raise ValueError("a spread of no value at all")
        object.__setattr__(self, "values", tuple(values))

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float:
        """Of the sample; 0 of a single value."""
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0

    @property
    def half_width(self) -> float | None:
        """Of the 95 % interval of the mean; None where there are too few repeats for one."""
        count = len(self.values)
        if count < ENOUGH:
            return None
        freedom = count - 1
        quantile = T_95[max(known for known in T_95 if known <= freedom)] if freedom <= 30 else NORMAL_95
        return quantile * self.deviation / math.sqrt(count)

    @property
    def range(self) -> tuple[float, float]:
        return min(self.values), max(self.values)
