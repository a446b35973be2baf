"""Intervals: Student's t for means and differences of means, with p-values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# scipy.stats.t's own functions, without the fifty times slower frame around them: a report has hundreds of intervals.
from scipy.special import stdtr, stdtrit

FEWEST = 3
"""Observations that an interval takes."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean or a difference of means, its standard error and degrees of freedom.

    `count` is the number of observations (of the smaller group, for a difference). With one observation there is no
    error: `df` is 0, and the p-value is 1. With fewer than `FEWEST` there is no interval: from two, its ends lie a
    factor of 13 standard errors away, which says nothing that their range doesn't say better.
    """

    value: float
    error: float
    df: float
    count: int

    def interval(self, confidence: float) -> tuple[float, float] | None:
        """Return the two-sided t interval; None from too few observations."""
        if self.count < FEWEST:
            return None
        reach = float(stdtrit(self.df, (1 + confidence) / 2)) * self.error
        return self.value - reach, self.value + reach

    def p_value(self, null: float = 0.0) -> float:
        """Return the two-sided p-value of the true value being `null`."""
        if self.df == 0 or self.value == null:
            return 1.0
        if self.error == 0:
            return 0.0
        return 2 * float(stdtr(self.df, -abs(self.value - null) / self.error))


def estimate_mean(values: Sequence[float]) -> Estimate:
    """Estimate the mean of at least one independent value."""
    count = len(values)
    error = float(np.std(values, ddof=1)) / count**0.5 if count > 1 else 0.0
    return Estimate(float(np.mean(values)), error, count - 1, count)


def estimate_difference(a: Sequence[float], b: Sequence[float]) -> Estimate:
    """Estimate mean(a) - mean(b) of independent groups of at least one value, whose variances may differ.

    Source: Welch, "The generalization of Student's problem", Biometrika 34 (1947), with Satterthwaite's degrees of
    freedom.
    """
    one, other = estimate_mean(a), estimate_mean(b)
    value, count = one.value - other.value, min(one.count, other.count)
    if count < 2:
        return Estimate(value, 0.0, 0, count)
    variance = one.error**2 + other.error**2
    if variance == 0:
        return Estimate(value, 0.0, one.df + other.df, count)
    # Shares of the variance, whose squares can't underflow as the squares of tiny variances do.
    first, second = one.error**2 / variance, other.error**2 / variance
    return Estimate(value, variance**0.5, 1 / (first**2 / one.df + second**2 / other.df), count)
