"""The search for a capacity on made-up servers and on a queue whose capacity is known, and the knee."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lindley import lindley
from scipy import stats
from simulated import Floats, md1_capacity, md1_exceedance, queue_latencies, simulate_md1

from bakeoff.analysis.capacity import (
    Budget,
    Capacity,
    Objective,
    Step,
    SweepPoint,
    bracket_of,
    choose_rate,
    find_knee,
    is_confirmed,
    is_hopeless,
    search_capacity,
)
from bakeoff.analysis.exceedance import (
    ERROR,
    Decision,
    block_shares,
    bound_share,
    relaxation_time,
    summarize_exceedance,
)
from bakeoff.analysis.intervals import estimate_mean

SERVICE_S = 0.001
OBJECTIVE = Objective(slo_ms=10.0)
TRUE_RPS = md1_capacity(SERVICE_S, 0.010)


def step(rate: float, decision: Decision, requests: int = 5000, confirms: bool = False) -> Step:
    return Step(rate, (1,), requests, decision, None, confirms)


def stepwise(rate: float, seed: int, limit: float = 300.0) -> Floats:
    """Return 2000 latencies of which 0.1% are above 10 ms up to the limit, and half of them beyond it."""
    slow = np.random.default_rng(seed).permutation(2000) < (2 if rate <= limit else 1000)
    return np.where(slow, 20.0, 1.0)


# The queue that the proofs stand on


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50), st.floats(0.001, 1))
def test_the_vectorised_queue_is_lindleys(gaps: list[float], service: float) -> None:
    arrivals = np.cumsum(gaps)
    assert queue_latencies(arrivals, service) == pytest.approx(lindley(arrivals, [service] * len(gaps)), abs=1e-9)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
@pytest.mark.parametrize("limit_ms", [1.5, 3.0, 10.0])
def test_the_queue_keeps_to_erlangs_formula(load: float, limit_ms: float) -> None:
    trials = [simulate_md1(np.random.default_rng(seed), load / SERVICE_S, SERVICE_S, 100) for seed in range(8)]
    shares = [float((trial > limit_ms / 1e3).mean()) for trial in trials]
    expected = md1_exceedance(load / SERVICE_S, SERVICE_S, limit_ms / 1e3)
    assert np.mean(shares) == pytest.approx(expected, abs=5 * float(stats.sem(shares)) + 1e-5)


def test_the_share_of_waiting_requests_is_the_load() -> None:
    assert md1_exceedance(700, SERVICE_S, SERVICE_S) == pytest.approx(0.7)
    assert md1_exceedance(1001, SERVICE_S, 1.0) == 1


# One rate


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.98])
def test_relaxation_time_of_correlations_that_decay_exponentially(decay: float) -> None:
    noise = np.random.default_rng(3).normal(size=100_000)
    values = np.empty_like(noise)
    last = 0.0
    for place, kick in enumerate(noise):
        values[place] = last = decay * last + kick
    assert relaxation_time(values) == pytest.approx(0.5 + decay / (1 - decay), rel=0.15)


def test_constant_latencies_have_no_relaxation() -> None:
    assert relaxation_time(np.ones(10)) == relaxation_time(np.ones(1)) == 0.5


def test_blocks_are_ten_relaxation_times_or_the_whole_trial() -> None:
    above = np.arange(100) < 20
    assert block_shares(above, 1.0) == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert block_shares(above, 2.6) == pytest.approx([20 / 33, 0, 0])
    assert block_shares(above, 1000.0) == [0.2]


def test_the_upper_end_of_a_share_is_further_out_than_the_lower() -> None:
    estimate = estimate_mean([0.0, 0.0, 0.01, 0.0, 0.02])
    low, high = bound_share(estimate, 0.95)
    assert low is not None and high is not None
    reach = estimate.value - low
    assert high - estimate.value == pytest.approx(reach * math.sqrt(high / estimate.value))
    assert bound_share(estimate_mean([0.1]), 0.95) == (None, None)
    assert bound_share(estimate_mean([0.0, 0.0, 0.0]), 0.95) == (0, 0)


def test_failed_requests_exceed_every_objective() -> None:
    failing = np.where(np.arange(5000) % 20 == 0, np.inf, 1.0)
    decision, found = summarize_exceedance([failing, failing], 1e9)
    assert (decision, found.share) == ("over", pytest.approx(0.05))


def test_little_data_without_a_slow_request_proves_nothing() -> None:
    assert summarize_exceedance([np.ones(499), np.ones(499)], 10.0)[0] == "undecided"
    assert summarize_exceedance([np.ones(1000)], 10.0)[0] == "under"


def test_one_trial_in_one_block_is_no_sample() -> None:
    """A queue that only grows never relaxes: it takes seeds, not longer blocks, to tell."""
    growing = np.linspace(0, 20, 4000)
    decision, found = summarize_exceedance([growing], 10.0)
    assert (decision, found.blocks, found.low) == ("undecided", 1, None)
    assert summarize_exceedance([growing, growing + 0.1, growing - 0.1], 10.0)[0] == "over"


def test_a_rate_at_its_capacity_is_hardly_ever_decided() -> None:
    decisions = []
    for repetition in range(60):
        trials: list[Floats] = []
        decision: Decision = "undecided"
        while decision == "undecided" and len(trials) < 8:
            random = np.random.default_rng([repetition, len(trials)])
            trials.append(1e3 * simulate_md1(random, TRUE_RPS, SERVICE_S, 10))
            decision, _ = summarize_exceedance(trials, OBJECTIVE.slo_ms, looks=8)
        decisions.append(decision)
    wrong = len(decisions) - decisions.count("undecided")
    assert wrong <= 60 * ERROR + 2 * math.sqrt(60 * ERROR * (1 - ERROR)), decisions


# The search


def test_the_rate_doubles_halves_and_bisects() -> None:
    assert choose_rate([step(100, "under"), step(200, "undecided")], 1.05) == 400
    assert choose_rate([step(100, "over"), step(50, "undecided")], 1.05) == 25
    assert choose_rate([step(100, "under"), step(400, "over")], 1.05) == 200
    assert choose_rate([step(100, "under"), step(104, "over")], 1.05) is None


def test_an_undecided_rate_is_closed_in_from_the_farther_side() -> None:
    steps = [step(100, "under"), step(200, "undecided"), step(210, "undecided"), step(300, "over")]
    assert choose_rate(steps, 1.05) == pytest.approx(math.sqrt(100 * 200))
    steps.append(step(190, "under"))
    assert choose_rate(steps, 1.05) == pytest.approx(math.sqrt(210 * 300))
    steps += [step(199, "under"), step(211, "over")]
    assert choose_rate(steps, 1.05) is None, "what is left undecided is all there is"


def test_nothing_lies_below_a_rate_with_too_few_requests() -> None:
    assert choose_rate([step(100, "over", requests=458)], 1.05) is None


def test_a_confirmation_that_fails_takes_the_word_back() -> None:
    steps = [step(100, "under"), step(150, "under"), step(155, "over")]
    assert bracket_of(steps) == (150, 155)
    assert bracket_of([*steps, step(150, "undecided", confirms=True)]) == (100, 155)
    assert bracket_of([*steps, step(150, "over", confirms=True)]) == (100, 150)
    assert not is_confirmed(steps, 150)
    assert is_confirmed([*steps, step(150, "under", confirms=True)], 150)


def test_a_rate_under_the_objective_beyond_one_over_it_does_not_count() -> None:
    assert bracket_of([step(100, "under"), step(200, "over"), step(400, "under")]) == (100, 200)


@pytest.mark.parametrize("start", [10.0, 299.0, 5000.0])
def test_the_search_finds_a_step_from_either_side(start: float) -> None:
    found = search_capacity(stepwise, start, OBJECTIVE, Budget(100), seed=5)
    assert found.rate_rps == found.low and found.low is not None and found.high is not None
    assert found.low <= 300 < found.high <= found.low * 1.05
    assert found.steps[-1].confirms and found.steps[-1].rate_rps == found.low
    seeds = [seed for step in found.steps for seed in step.seeds]
    assert seeds == list(range(5, 5 + len(seeds))), "every trial has a seed of its own"


def test_a_search_without_budget_ends_in_a_bracket() -> None:
    found = search_capacity(stepwise, 10.0, OBJECTIVE, Budget(8), seed=0)
    assert found.rate_rps is None and found.low is not None and found.high is not None
    assert sum(len(step.seeds) for step in found.steps) <= 8


def test_where_the_load_generator_ends_no_capacity_is_claimed() -> None:
    def limited(rate: float, seed: int) -> Floats | None:
        return stepwise(rate, seed) if rate < 200 else None

    found = search_capacity(limited, 10.0, OBJECTIVE, Budget(100), seed=0)
    assert (found.rate_rps, found.high) == (None, None)
    assert found.low is not None and 190 < found.low < 200


def test_where_nothing_can_be_measured_the_search_ends_within_its_budget() -> None:
    """As on a host that wakes late, however few requests are asked for."""
    found = search_capacity(lambda rate, seed: None, 1000.0, OBJECTIVE, Budget(100), seed=0)
    assert [(step.rate_rps, len(step.seeds), step.decision) for step in found.steps] == [
        (1000, 3, "invalid"),
        (500, 3, "invalid"),
        (250, 3, "invalid"),
    ]
    found = search_capacity(lambda rate, seed: None, 1000.0, OBJECTIVE, Budget(4), seed=0)
    assert sum(len(step.seeds) for step in found.steps) == 4


def test_what_could_not_be_measured_takes_no_word_back() -> None:
    steps = [step(100, "under"), step(150, "over")]
    assert bracket_of([*steps, step(100, "invalid", confirms=True)]) == (100, 150)

    def breaks_off(rate: float, seed: int) -> Floats | None:
        return np.ones(100) if seed == 0 else None

    found = search_capacity(breaks_off, 100.0, OBJECTIVE, Budget(4), seed=0)
    assert [(s.decision, s.requests, s.seeds) for s in found.steps] == [("undecided", 100, (0, 1, 2, 3))]


def test_a_search_that_can_only_measure_high_rates_ends() -> None:
    def high_only(rate: float, seed: int) -> Floats | None:
        return np.full(1000, 50.0) if rate > 900 else None

    found = search_capacity(high_only, 1000.0, OBJECTIVE, Budget(100), seed=0)
    assert (found.low, found.high) == (None, 1000) and is_hopeless(found.steps)
    assert len(found.steps) == 4


def test_a_disturbed_trial_costs_a_seed_and_decides_nothing() -> None:
    found = search_capacity(
        lambda rate, seed: None if seed % 2 else stepwise(rate, seed), 200.0, OBJECTIVE, Budget(100), seed=1
    )
    assert found.low is not None and found.high is not None
    assert found.low <= 300 < found.high <= found.low * 1.05
    assert found.steps[0].seeds == (1, 2)


def test_where_nothing_is_under_the_objective_the_search_ends() -> None:
    found = search_capacity(lambda rate, _: np.full(int(10 * rate), 50.0), 100.0, OBJECTIVE, Budget(1000), seed=0)
    assert (found.rate_rps, found.low) == (None, None)
    assert len(found.steps) < 10


def search_md1(repetition: int, seconds: float = 40.0) -> Capacity:
    def measure(rate: float, seed: int) -> Floats:
        return 1e3 * simulate_md1(np.random.default_rng([repetition, seed]), rate, SERVICE_S, seconds)

    return search_capacity(measure, 100.0, OBJECTIVE, Budget(100), seed=0)


def test_the_bracket_holds_the_capacity_of_a_known_queue() -> None:
    """The short proof; benchmarks/long/verdicts.py has the long one."""
    good = 0
    for repetition in range(10):
        found = search_md1(repetition)
        assert found.low is not None and found.high is not None
        good += found.low <= TRUE_RPS <= found.high <= found.low * 1.1
    assert good >= 9


# The knee


def test_the_knee_is_where_power_is_highest() -> None:
    """Two servers of 1 ms: the throughput grows up to two callers, then the latency."""
    points = [SweepPoint(n, 1000.0 * min(n, 2), max(1.0, n / 2)) for n in (8, 1, 2, 4)]
    assert find_knee(points) == SweepPoint(2, 2000.0, 1.0)


def test_a_sweep_that_still_gains_has_no_knee_yet() -> None:
    assert find_knee([SweepPoint(n, 1000.0 * n, 1.0) for n in (1, 2, 4)]) is None
    assert find_knee([]) is None
    assert find_knee([SweepPoint(1, 10.0, None)]) is None


def test_points_without_a_latency_are_passed_over() -> None:
    points = [SweepPoint(1, 900.0, 1.0), SweepPoint(2, 5000.0, None), SweepPoint(4, 1000.0, 4.0)]
    assert find_knee(points) == points[0]
