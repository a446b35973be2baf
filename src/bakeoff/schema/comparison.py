"""Statements over the rounds: medians and ratios with their intervals."""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff.schema.measurement import Latency
from bakeoff.schema.names import Verdict


@dataclass(frozen=True, slots=True)
class Summary:
    """An endpoint's valid trials of one workload over all rounds: medians.

    `low` and `high`: the 95% t interval of the geometric mean of the rounds' p50, in ms; None with fewer than three
    rounds that have a p50. `least` and `most`: the smallest and the largest p50 of a round.
    """

    model: str
    endpoint: str
    workload: str
    throughput_rps: float
    latency_ms: Latency
    low: float | None = None
    high: float | None = None
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The ratio of endpoint a's figure to b's over the rounds, with its interval.

    Of two runs, a and b are the same endpoint in the new run and in the old one. `low` and `high` hold at `confidence`,
    which in the family that gets verdicts is adjusted for the family's size; None with fewer than three rounds.
    `least` and `most`: the smallest and the largest ratio of a round; None between runs, which have no round in common.
    """

    model: str
    a: str
    b: str
    workload: str
    metric: str
    ratio: float
    low: float | None
    high: float | None
    verdict: Verdict | None
    confidence: float
    rounds: int
    least: float | None = None
    most: float | None = None
