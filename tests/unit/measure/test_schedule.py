"""Schedules: exact, drawn from the seed alone, the same whoever sends them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from bakeoff.measure.schedule import draw_schedule, share_of
from bakeoff.schema import Arrival, Workload

POISSON = Workload("p", "poisson", rate_rps=1000.0, warmup_s=1.0, duration_s=99.0, seed=42)


def test_constant_arrivals_are_k_over_the_rate_to_the_nanosecond() -> None:
    starts = draw_schedule(replace(POISSON, arrival="constant", rate_rps=3.0, warmup_s=0.5, duration_s=1.0))
    assert starts.tolist() == [0, 333_333_333, 666_666_667, 1_000_000_000, 1_333_333_333]
    exact = draw_schedule(replace(POISSON, arrival="constant", rate_rps=7.0, warmup_s=0, duration_s=10_000))
    assert exact[-1] == round((70_000 - 1) * 1e9 / 7)


def test_poisson_gaps_are_exponential_and_independent() -> None:
    starts = draw_schedule(POISSON) / 1e9
    gaps = np.diff(starts, prepend=0)
    assert kstest(gaps, "expon", args=(0, 1e-3)).pvalue > 0.001
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 4 / np.sqrt(len(gaps))
    assert abs(len(starts) - 100_000) < 4 * np.sqrt(100_000)
    assert (gaps >= 0).all() and starts[-1] < 100


def test_a_seed_draws_the_same_arrivals_every_time_and_a_longer_trial_only_adds_to_them() -> None:
    starts = draw_schedule(POISSON)
    assert starts[:3].tolist() == draw_schedule(replace(POISSON, duration_s=50))[:3].tolist()
    shorter = draw_schedule(replace(POISSON, warmup_s=0, duration_s=7))
    assert (starts[: len(shorter)] == shorter).all() and starts[len(shorter)] >= 7e9
    assert draw_schedule(replace(POISSON, seed=43))[:3].tolist() != starts[:3].tolist()


@given(
    st.sampled_from(["poisson", "constant"]),
    st.floats(0.5, 500),
    st.integers(0, 2**53),
    st.integers(1, 9),
)
def test_the_workers_shares_are_the_schedule(arrival: Arrival, rate: float, seed: int, workers: int) -> None:
    schedule = draw_schedule(Workload("w", arrival, rate_rps=rate, warmup_s=0.5, duration_s=2, seed=seed))
    shares = [share_of(schedule, worker, workers) for worker in range(workers)]
    assert sorted(np.concatenate(shares).tolist()) == schedule.tolist()
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("workload", [Workload("c", "closed", concurrency=1), replace(POISSON, rate_rps=0.0)])
def test_there_is_no_schedule_without_a_rate(workload: Workload) -> None:
    with pytest.raises(ValueError, match="rate above 0"):
        draw_schedule(workload)
