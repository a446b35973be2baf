"""A ratio with its interval as a small picture: left is the first side's, right the second's."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bakeoff.report.criteria import Criterion

REACH = 32.0
"""The ratio at the picture's ends."""


@dataclass(frozen=True, slots=True)
class Forest:
    """Places from 0 to 100, 50 being equal; no interval where `low` is None. What lies outside ends at the edge."""

    at: float
    low: float | None
    high: float | None


def forest(criterion: Criterion) -> Forest | None:
    """Return where a criterion's ratio lies; None where it has none."""
    if criterion.ratio is None:
        return None
    ends = [None if end is None else place(end) for end in (criterion.low, criterion.high)]
    return Forest(place(criterion.ratio), *ends)


def place(ratio: float) -> float:
    """Return a ratio's place on the logarithmic line."""
    share = math.log(max(ratio, 1e-9)) / math.log(REACH)
    return round(50 + 50 * max(-1.0, min(1.0, share)), 2)
