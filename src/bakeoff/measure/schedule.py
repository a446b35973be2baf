"""The arrivals of an open-loop trial: drawn before any clock starts, from the trial's seed alone.

The same workload has the same arrivals for every endpoint and any number of workers: each takes every N-th of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bakeoff.schema import Workload

Ints = np.ndarray[Any, np.dtype[np.int64]]

CHUNK = 4096
"""Gaps drawn at a time; the stream of gaps is the same whatever its value."""


def draw_schedule(workload: Workload) -> Ints:
    """Return the intended starts of an open-loop workload, in ns from the trial's begin, warm-up included.

    Raises ValueError for a closed loop, which has no schedule, and for a rate that is missing or not positive.
    """
    rate = workload.rate_rps
    if workload.arrival == "closed" or rate is None or rate <= 0:
        raise ValueError(f"{workload.name}: a schedule needs constant or poisson arrivals at a rate above 0")
    seconds = workload.warmup_s + workload.duration_s
    starts = _poisson_starts(rate, seconds, workload.seed) if workload.arrival == "poisson" else _even(rate, seconds)
    return np.rint(starts * 1e9).astype(np.int64)


def share_of(schedule: Ints, worker: int, workers: int) -> Ints:
    """Return the arrivals that worker number `worker` of `workers` sends: every N-th of them."""
    return schedule[worker::workers]


def _poisson_starts(rate: float, seconds: float, seed: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the points of a Poisson process; the first gap counts from the trial's begin."""
    random = np.random.default_rng(seed)
    gaps = random.exponential(1 / rate, CHUNK)
    while (starts := np.cumsum(gaps))[-1] < seconds:
        gaps = np.concatenate((gaps, random.exponential(1 / rate, len(gaps))))
    return starts[starts < seconds]


def _even(rate: float, seconds: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return k/rate: divided one by one, so that no rounding adds up."""
    starts = np.arange(int(rate * seconds) + 1) / rate
    return starts[starts < seconds]
