"""How often requests take longer than an objective, decided from requests that aren't independent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bakeoff.analysis.intervals import Estimate, estimate_mean
from bakeoff.analysis.summary import Floats

Decision = Literal["under", "over", "undecided", "invalid"]
"""Of a rate: what its p99 is with respect to the objective; invalid where it can't be measured."""

QUANTILE = 0.99
ERROR = 0.05
"""The chance that a rate at which just 1% exceed the objective is called over or under it, in all of the looks that are
taken while its data grow; shared among them as Bonferroni does."""
EFFECTIVE_REQUESTS = 1000
"""Of these, ten independent ones would exceed the objective at 1%: the usual condition for treating a share as normal.
With the 459 that bound a p99 at all, a tenth of the decisions at the very capacity would be a wrong "under"."""
BLOCK_RELAXATIONS = 10
WINDOW_RELAXATIONS = 5


@dataclass(frozen=True, slots=True)
class Exceedance:
    """The share of requests above the objective at one rate.

    `low` and `high` are its t interval over `blocks`, None with fewer than three; `relaxation` is in requests,
    `effective` the number of independent requests that would tell as much.
    """

    share: float
    low: float | None
    high: float | None
    blocks: int
    relaxation: float
    effective: float


def summarize_exceedance(trials: Sequence[Floats], slo_ms: float, looks: int = 1) -> tuple[Decision, Exceedance]:
    """Decide whether less than 1% of all requests take longer than the objective, from trials with different seeds.

    Exceedances come in bursts, so that requests aren't independent. Each trial is cut into blocks of ten relaxation
    times or more, which are nearly so (one block where it is shorter: the seeds are independent), and the share's t
    interval is taken over the blocks (batch means: Law & Kelton, "Simulation Modeling and Analysis").

    Rare bursts are not seen in little data, whatever the blocks say; so "under" also takes a thousand effective
    requests. `looks` is how often the growing data may be looked at.
    """
    relaxation = max(relaxation_time(mark_slow(trial, slo_ms)) for trial in trials)
    estimate = estimate_mean([share for trial in trials for share in block_shares(trial > slo_ms, relaxation)])
    low, high = bound_share(estimate, 1 - ERROR / looks)
    effective = sum(map(len, trials)) / (2 * relaxation)
    decision: Decision = "undecided"
    if low is not None and low > 1 - QUANTILE:
        decision = "over"
    elif high is not None and high < 1 - QUANTILE and effective >= EFFECTIVE_REQUESTS:
        decision = "under"
    return decision, Exceedance(estimate.value, low, high, estimate.count, relaxation, effective)


def bound_share(estimate: Estimate, confidence: float) -> tuple[float | None, float | None]:
    """Return the t interval of a share of rare bursts; its upper end allows for what it says of itself.

    The variance of such a share grows in proportion to the share, and a sample with too few bursts has too small a
    share and too small a variance at once. So the upper end p is where p - share = t x error x sqrt(p / share), as in
    Wilson's interval (JASA 22, 1927), and lies further out than the plain one.
    """
    interval = estimate.interval(confidence)
    if interval is None:
        return None, None
    low, plain = interval
    reach = plain - estimate.value
    if estimate.value == 0:
        return low, plain
    spread = reach**2 / (2 * estimate.value)
    return low, estimate.value + spread + math.sqrt(spread**2 + reach**2)


def block_shares(above: np.ndarray[Any, np.dtype[np.bool_]], relaxation: float) -> list[float]:
    """Return the share of exceedances in each of a trial's blocks of at least ten relaxation times, equally long."""
    blocks = max(1, int(len(above) / math.ceil(BLOCK_RELAXATIONS * relaxation)))
    size = len(above) // blocks
    return [float(share) for share in above[: blocks * size].reshape(blocks, size).mean(axis=1)]


def mark_slow(latencies: Floats, slo_ms: float) -> Floats:
    """Return 1 for the slowest tenth (for all above the objective, where they are more), 0 for the others.

    Of these the relaxation time is taken: they exist where nothing exceeds the objective, their bursts last longer
    than the rarer exceedances', and a failed request's infinity does them no harm.
    """
    tenth = float(np.quantile(latencies, 0.9, method="inverted_cdf"))
    return (latencies > min(slo_ms, tenth)).astype(np.float64)


def relaxation_time(values: Floats) -> float:
    """Return the integrated autocorrelation time, 1/2 + the sum of the autocorrelations, in steps; at least 1/2.

    The sum ends where it has gone over five times its own value, as beyond there's only noise. Where correlations
    decay exponentially this is the time in which they fall to 1/e.

    Source: Sokal, "Monte Carlo methods in statistical mechanics" (1997), section 3; Madras & Sokal (1988).
    """
    count = len(values)
    spectrum = np.fft.rfft(values - values.mean(), 1 << (2 * count - 1).bit_length())
    covariances = np.fft.irfft(np.abs(spectrum) ** 2)[:count]
    if covariances[0] <= 0:
        return 0.5
    sums = np.cumsum(covariances / covariances[0]) - 0.5
    ends = np.flatnonzero(np.arange(count) >= WINDOW_RELAXATIONS * sums)
    return max(0.5, float(sums[ends[0] if len(ends) else -1]))
