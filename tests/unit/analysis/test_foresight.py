"""What a run will see, held against theory: independent and autocorrelated noise, records written by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from bakeoff.analysis.foresight import find_reach, foresee
from bakeoff.analysis.summary import Floats

NORMAL = 1.959964
NOISE = 0.02


def drawn(correlation: float, count: int, seed: int) -> Floats:
    """Return AR(1) noise whose innovations have the deviation NOISE, from its stationary state on."""
    innovations = np.random.default_rng(seed).normal(0.0, NOISE, count)
    values = np.empty(count)
    values[0] = innovations[0] / math.sqrt(1 - correlation**2)
    for at in range(1, count):
        values[at] = correlation * values[at - 1] + innovations[at]
    return values


def mean_over_seeds(figure: Callable[[Floats], float | None], correlation: float, count: int) -> float:
    found = [figure(drawn(correlation, count, seed)) for seed in range(40)]
    kept = [value for value in found if value is not None]
    assert len(kept) == len(found)
    return float(np.mean(kept))


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6, 0.9])
def test_the_reach_of_autocorrelated_noise_is_widened_as_theory_has_it(correlation: float) -> None:
    # The variance of the mean of many is the innovations' over (1 - correlation)^2, and over their number.
    expected = NORMAL * NOISE / (1 - correlation) / math.sqrt(2400)
    found = mean_over_seeds(lambda values: find_reach(values, 2400), correlation, 20_000)
    assert found == pytest.approx(expected, rel=0.08)


def test_turns_cancel_what_lasts_and_being_apart_does_not() -> None:
    # The spectrum of AR(1) noise at its highest frequency, which turns see, and at 0.
    correlation, run = 0.6, 2400.0
    turns = mean_over_seeds(lambda values: foresee(np.exp(values), run).turns, correlation, 20_000)
    apart = mean_over_seeds(lambda values: foresee(np.exp(values), run).apart, correlation, 20_000)
    theory = math.expm1(NORMAL * 2 * NOISE / (1 + correlation) / math.sqrt(run))
    # Ratios of neighbours pull back, and blocks of five don't see all of that: it errs to the wide side.
    assert theory < turns < 1.12 * theory
    assert apart == pytest.approx(math.expm1(NORMAL * 2 * NOISE / (1 - correlation) / math.sqrt(run)), rel=0.08)


@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_runs_of_equals_stay_within_what_was_foretold_of_them(correlation: float) -> None:
    """Two hundred slices foretell a run of two thousand; of the runs' ratios 95% lie within, or more."""
    inside, told = 0, 0
    for seed in range(300):
        foretold = foresee(np.exp(drawn(correlation, 200, seed)), 2000).turns
        run = drawn(correlation, 2000, 10_000 + seed)
        ratio = math.expm1(abs(float(np.mean(run[1::2]) - np.mean(run[::2]))))
        if foretold is not None:
            told += 1
            inside += ratio <= foretold
    assert told == 300
    assert inside / told >= 0.93


def test_a_longer_run_sees_less_by_the_root_of_its_length() -> None:
    seconds = np.exp(drawn(0.3, 200, 1))
    short, long = foresee(seconds, 600), foresee(seconds, 2400)
    assert short.apart is not None and long.apart is not None
    assert math.log1p(short.apart) == pytest.approx(2 * math.log1p(long.apart))


def test_it_is_a_share_whatever_the_work_takes() -> None:
    seconds = np.exp(drawn(0.3, 200, 1))
    assert foresee(1000 * seconds, 2400).apart == pytest.approx(foresee(seconds, 2400).apart)


def test_a_hand_made_record() -> None:
    # 1 3 1 3 ...: the relaxation time is the least there is, 1/2, so that ten blocks of five have means of 1.8 and 2.2.
    variance = 5 * 10 / 9 * 0.2**2
    assert find_reach(np.tile([1.0, 3.0], 25), 100) == pytest.approx(2.262157 * math.sqrt(variance / 100))


@pytest.mark.parametrize("seconds", [[], [0.05], [0.05, 0.06, 0.05, 0.06], list(np.linspace(0.05, 0.2, 100))])
def test_what_so_few_slices_or_a_lasting_change_cannot_tell_is_unknown(seconds: list[float]) -> None:
    assert foresee(np.array(seconds), 2400).apart is None


def test_equal_slices_see_everything() -> None:
    found = foresee(np.full(100, 0.05), 2400)
    assert (found.turns, found.apart) == (0.0, 0.0)
