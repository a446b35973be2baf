"""Statements from hand-made records, against SciPy, and against runs of which the truth is known."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from example_report import example_report
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from simulated import measurement, simulate_run

from bakeoff.analysis.compare import (
    compare_endpoints,
    compare_runs,
    contrast_paired,
    contrast_unpaired,
    default_reference,
    find_regressions,
    holm_levels,
    judge,
)
from bakeoff.analysis.intervals import FEWEST
from bakeoff.schema import Comparison, Measurement, quoted

FIGURES = st.floats(0.01, 100)
SERIES = st.dictionaries(st.integers(0, 9), FIGURES, min_size=2)


def statement(comparisons: Iterable[Comparison], a: str, metric: str, workload: str = "c1") -> Comparison:
    (found,) = (c for c in comparisons if (c.a, c.metric, c.workload) == (a, metric, workload))
    return found


def rounds(endpoint: str, figures: list[float], workload: str = "c1") -> list[Measurement]:
    return [
        measurement(endpoint, workload, number, p50=figure, throughput=1000 / figure)
        for number, figure in enumerate(figures)
    ]


# Ratios and their intervals


def test_a_ratio_is_paired_by_round() -> None:
    a, b = [2.0, 4.1, 7.9, 16.2, 31.8], [1.0, 2.0, 4.0, 8.0, 16.0]
    c = statement(compare_endpoints([*rounds("a", a, "c2"), *rounds("b", b, "c2")], "b"), "a", "p50", "c2")
    logs = np.log(np.array(a) / np.array(b))
    low, high = stats.t.interval(0.95, 4, logs.mean(), stats.sem(logs))
    assert (c.low, c.ratio, c.high) == pytest.approx((math.exp(low), math.exp(logs.mean()), math.exp(high)))
    assert (c.rounds, c.confidence, c.verdict) == (5, 0.95, None)


def test_only_rounds_in_which_both_are_valid_count() -> None:
    a, b = rounds("a", [1, 2, 3, 4, 5]), rounds("b", [1, 1, 1, 1, 1])
    a[1] = replace(a[1], verdict="invalid", reasons=(quoted("x"),))
    b[2] = replace(b[2], latency_ms=replace(b[2].latency_ms, p50=None))
    found = compare_endpoints([*a, *b], "b")
    assert statement(found, "a", "p50").ratio == pytest.approx((1 * 4 * 5) ** (1 / 3))
    assert statement(found, "a", "p50").rounds == 3
    assert statement(found, "a", "throughput").rounds == 4


def test_one_common_round_gives_a_ratio_and_no_interval_and_none_gives_nothing() -> None:
    c = statement(compare_endpoints([*rounds("a", [3, 5]), *rounds("b", [2])], "b"), "a", "p50")
    assert (c.ratio, c.low, c.high, c.verdict, c.rounds) == (1.5, None, None, None, 1)
    apart = [*rounds("a", [1]), replace(measurement("b", "c1", 1))]
    assert compare_endpoints(apart, "b") == []


def test_models_and_workloads_are_kept_apart() -> None:
    here = [*rounds("a", [1, 1]), *rounds("b", [2, 2]), *rounds("a", [4, 4], "c8"), *rounds("b", [1, 1], "c8")]
    there = [replace(m, model="n", latency_ms=replace(m.latency_ms, p50=1.0)) for m in here]
    ratios = {(c.model, c.workload): c.ratio for c in compare_endpoints([*here, *there], "b") if c.metric == "p50"}
    assert ratios == pytest.approx({("m", "c1"): 0.5, ("m", "c8"): 4, ("n", "c1"): 1, ("n", "c8"): 1})


@given(SERIES, SERIES)
def test_exchanging_two_endpoints_inverts_ratio_and_interval(a: dict[int, float], b: dict[int, float]) -> None:
    assume(len(a.keys() & b.keys()) > 2)
    one, other = contrast_paired(a, b), contrast_paired(b, a)
    low, high = one.interval(0.95) or (0, 0)
    assert other.interval(0.95) == pytest.approx((-high, -low), abs=1e-9)
    assert other.value == pytest.approx(-one.value, abs=1e-12)


def test_two_rounds_have_a_range_and_no_interval() -> None:
    (found,) = (c for c in compare_endpoints([*rounds("a", [2, 8]), *rounds("b", [1, 2])], "b") if c.metric == "p50")
    assert (found.rounds, found.low, found.high) == (2, None, None)
    assert (found.least, found.most, found.ratio) == pytest.approx((2.0, 4.0, math.sqrt(8)))


@given(SERIES, SERIES, FIGURES)
def test_the_unit_of_the_figures_does_not_matter(a: dict[int, float], b: dict[int, float], unit: float) -> None:
    assume(a.keys() & b.keys())
    scaled = [{number: figure * unit for number, figure in series.items()} for series in (a, b)]
    for contrast in (contrast_paired, contrast_unpaired):
        before, after = contrast(a, b), contrast(*scaled)
        assert (after.value, after.error) == pytest.approx((before.value, before.error), abs=1e-9)


@given(SERIES, SERIES, st.permutations(range(10)))
def test_the_order_of_rounds_does_not_matter(a: dict[int, float], b: dict[int, float], order: list[int]) -> None:
    assume(a.keys() & b.keys())
    renamed = [{order[number]: figure for number, figure in series.items()} for series in (a, b)]
    before, after = contrast_paired(a, b), contrast_paired(*renamed)
    assert (after.value, after.error) == pytest.approx((before.value, before.error), abs=1e-9)


@given(SERIES, SERIES)
def test_agrees_with_scipy(a: dict[int, float], b: dict[int, float]) -> None:
    common = sorted(a.keys() & b.keys())
    logs = [[math.log(series[number]) for number in series] for series in (a, b)]
    assume(min(map(np.std, logs)) > 1e-6)
    welch = stats.ttest_ind(*logs, equal_var=False)
    ours = contrast_unpaired(a, b)
    assert ours.p_value() == pytest.approx(welch.pvalue, abs=1e-9)
    few = ours.count < FEWEST
    assert ours.interval(0.9) == (None if few else pytest.approx(tuple(welch.confidence_interval(0.9)), abs=1e-9))
    differences = [math.log(a[number] / b[number]) for number in common]
    if len(common) > 1 and np.std(differences) > 1e-6:
        paired = stats.ttest_1samp(differences, 0)
        assert contrast_paired(a, b).p_value() == pytest.approx(paired.pvalue, abs=1e-9)


# Verdicts


@pytest.mark.parametrize(
    ("low", "high", "latency", "throughput"),
    [
        (1.01, 1.2, "slower", "faster"),
        (0.5, 0.99, "faster", "slower"),
        (0.96, 1.04, "same", "same"),
        (1 / 1.05, 1.05, "same", "same"),
        (0.96, 1.06, "inconclusive", "inconclusive"),
        (0.94, 1.0, "inconclusive", "inconclusive"),
        (1.01, 1.02, "slower", "faster"),  # surely different, though within the margin
    ],
)
def test_what_an_interval_says(low: float, high: float, latency: str, throughput: str) -> None:
    assert (judge(low, high, "p50"), judge(low, high, "throughput")) == (latency, throughput)


def test_holm_gives_the_rejected_their_own_level_and_the_others_the_first() -> None:
    assert holm_levels([0.03, 0.001, 0.01]) == pytest.approx([0.05, 0.05 / 3, 0.025])
    assert holm_levels([0.03, 0.001, 0.03]) == pytest.approx([0.05 / 3] * 3)
    assert holm_levels([0.04]) == [0.05]
    assert holm_levels([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_rejects_what_its_adjusted_p_values_reject(p_values: list[float]) -> None:
    order = np.argsort(p_values, kind="stable")
    steps = np.sort(p_values) * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.maximum.accumulate(steps)
    assume(np.abs(adjusted - 0.05).min() > 1e-12)
    rejected = [p < level for p, level in zip(p_values, holm_levels(p_values), strict=True)]
    assert rejected == list(adjusted < 0.05)


def test_floors_are_no_contenders() -> None:
    run = [
        replace(m, target="echo" if m.endpoint == "a" else m.target)
        for m in simulate_run(np.random.default_rng(1), {"base": 1.0, "a": 0.5, "b": 2.0})
    ]
    found = compare_endpoints(run, "base")
    assert {c.a for c in found if c.verdict} == {"b"}
    assert statement(found, "a", "p50").ratio == pytest.approx(0.5, rel=0.05)  # but they have ratios, everywhere


def test_fewer_than_five_rounds_give_intervals_and_no_verdicts() -> None:
    run = simulate_run(np.random.default_rng(1), {"base": 1.0, "a": 2.0}, rounds=4)
    found = compare_endpoints(run, "base")
    assert found and all(c.verdict is None and c.confidence == 0.95 and c.low is not None for c in found)


@pytest.mark.parametrize(
    ("endpoints", "reference"),
    [
        (["torchserve-rest", "a-rest"], "torchserve-rest"),
        (["b-rest", "a-rest"], "a-rest"),
        (["echo", "b-rest"], "b-rest"),
        (["echo"], None),
    ],
)
def test_the_reference_is_torchserve_or_the_first_that_is_no_floor(endpoints: list[str], reference: str | None) -> None:
    measured = [measurement(endpoint, "c1", 0) for endpoint in endpoints]
    invalid = replace(measurement("0-rest", "c1", 0), verdict="invalid")
    assert default_reference(replace(example_report(), measurements=(*measured, invalid))) == reference


# Two runs


def test_what_got_slower_beyond_the_margin_is_a_regression() -> None:
    random = np.random.default_rng(3)
    old = simulate_run(random, {"a": 1.0, "b": 1.0, "c": 1.0, "gone": 1.0})
    new = simulate_run(random, {"a": 1.3, "b": 0.7, "c": 1.0, "added": 1.0})
    found = compare_runs(new, old)
    assert {(c.a, c.metric) for c in find_regressions(found)} == {("a", "p50"), ("a", "throughput")}
    assert statement(found, "b", "p50").verdict == statement(found, "b", "throughput", "c8").verdict == "faster"
    assert {c.a for c in found} == {"a", "b", "c"}


def test_a_sure_difference_within_the_margin_is_no_regression() -> None:
    random = np.random.default_rng(3)
    run = {number: simulate_run(random, {"a": slow}, rounds=50, noise=0.001) for number, slow in enumerate((1, 1.04))}
    (first, *_) = found = compare_runs(run[1], run[0])
    assert statement(found, first.a, "p50").verdict == "slower" and find_regressions(found) == []


def test_relative_to_a_reference_another_machine_cancels() -> None:
    random = np.random.default_rng(4)
    old = simulate_run(random, {"base": 1.0, "a": 1.0, "b": 1.0})
    new = simulate_run(random, {"base": 3.0, "a": 3.0, "b": 4.5})
    found = compare_runs(new, old, reference="base")
    assert {c.a for c in found} == {"a", "b"}
    assert statement(found, "a", "p50").verdict in {"same", "inconclusive"}
    assert statement(found, "b", "p50").verdict == "slower"
    assert statement(found, "b", "p50").ratio == pytest.approx(1.5, rel=0.05)


# The proofs, in short; benchmarks/long/verdicts.py has the long ones


def allowed(runs: int, share: float = 0.05) -> float:
    return runs * share + 2 * math.sqrt(runs * share * (1 - share))


def test_equal_endpoints_are_hardly_ever_called_different() -> None:
    random = np.random.default_rng(10)
    equal = dict.fromkeys(["base", "a", "b", "c", "d", "e"], 1.0)
    wrong = sum(
        any(c.verdict in {"faster", "slower"} for c in compare_endpoints(simulate_run(random, equal), "base"))
        for _ in range(300)
    )
    assert wrong <= allowed(300)


def test_real_differences_do_not_make_others_false() -> None:
    """Holm's step-down levels rise with every rejection; the equal endpoints must not pay for it."""
    random = np.random.default_rng(11)
    mixed = {"base": 1.0, "a": 1.0, "b": 1.0, "c": 1.5, "d": 2.0, "e": 0.5}
    wrong = 0
    for _ in range(300):
        found = compare_endpoints(simulate_run(random, mixed), "base")
        wrong += any(c.verdict in {"faster", "slower"} for c in found if c.a in "ab")
        assert all(c.verdict for c in found if c.a in "cde" and (c.workload, c.metric) == ("c1", "p50"))
    assert wrong <= allowed(300)


def test_endpoints_just_beyond_the_margin_are_hardly_ever_called_the_same() -> None:
    """With so many rounds that the intervals fit into the margin."""
    random = np.random.default_rng(12)
    apart = {"base": 1.0} | dict.fromkeys(["a", "b", "c", "d", "e"], 1.0501)
    wrong = sum(
        any(c.verdict == "same" for c in compare_endpoints(simulate_run(random, apart, 30, noise=0.04), "base"))
        for _ in range(100)
    )
    assert wrong <= allowed(100)


def test_a_slowdown_of_a_tenth_is_found() -> None:
    random = np.random.default_rng(13)
    planted = dict.fromkeys(["base", "a", "b", "c", "d"], 1.0) | {"slow": 1.1}
    runs = [compare_endpoints(simulate_run(random, planted), "base") for _ in range(100)]
    assert sum(statement(run, "slow", "p50").verdict == "slower" for run in runs) >= 90


def test_a_run_is_hardly_ever_called_different_from_its_repetition() -> None:
    random = np.random.default_rng(14)
    equal = dict.fromkeys(["a", "b", "c", "d", "e"], 1.0)
    wrong = sum(
        any(c.verdict in {"faster", "slower"} for c in compare_runs(*(simulate_run(random, equal) for _ in range(2))))
        for _ in range(300)
    )
    assert wrong <= allowed(300)
