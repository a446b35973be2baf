"""Figures from hand-made records."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from example_report import LATENCY, example_report
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bakeoff.analysis.summary import (
    add_floors,
    busiest,
    interval_of,
    judge_trial,
    percentile,
    samples_needed,
    summarize_gaps,
    summarize_latency,
    summarize_rounds,
    summarize_trial,
)
from bakeoff.measure.schedule import draw_schedule
from bakeoff.schema import Endpoint, Floors, Measurement, Reason, Trial, Watch, Workload, is_from_samples
from bakeoff.schema.samples import TrialSamples, Window

MS = 1_000_000
MEASURED = example_report().measurements[0]
ENDPOINT = Endpoint("lean-tflite-grpc", "digits_cnn", "lean-tflite", "tflite-fp32", "grpc", "tfserving-grpc")
WATCH = Watch(0, "here 1", 1, cpu_percent=10.0, spin_percent=0.0, held_back=0)
TRIAL = Trial("t", "lean-tflite-grpc", Workload("c1", "closed", concurrency=1), 0, 0, "t.parquet")


def trial_samples(
    rows: list[tuple[int, int, str]], window_ms: tuple[int, int], watch: Watch = WATCH, **columns: Any
) -> TrialSamples:
    """Rows are (start ms, end ms, status); `columns` replace what follows from them."""
    starts = np.array([row[0] * MS for row in rows], dtype=np.int64)
    ends = np.array([row[1] * MS for row in rows], dtype=np.int64)
    statuses = tuple(dict.fromkeys(row[2] for row in rows))
    nothing = np.zeros(len(rows), dtype=np.int64)
    known = {
        "window": Window(window_ms[0] * MS, window_ms[1] * MS),
        "watches": (watch,),
        "lost": (),
        "intended_ns": starts,
        "start_ns": starts,
        "end_ns": ends,
        "status": np.array([statuses.index(row[2]) for row in rows], dtype=np.int64),
        "statuses": statuses,
        "request": nothing,
        "connects": nothing,
        "answer": nothing - 1,
        "answers": (),
    }
    return TrialSamples(**{**known, **columns})


def test_percentile_is_the_smallest_sample_with_enough_at_or_below() -> None:
    values = np.arange(1.0, 21.0)
    assert percentile(values, 0.5) == 10
    assert percentile(values, 0.95) == 19  # 0.95 * 20 is 18.999... in floating point
    assert percentile(values, 0.951) == 20
    assert percentile(values, 1e-9) == 1


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200), st.floats(0.01, 0.99))
def test_percentile_agrees_with_its_definition(values: list[float], q: float) -> None:
    ordered = np.sort(np.array(values))
    needed = round(q * len(values), 9)
    right = next(v for v in ordered if (ordered <= v).sum() >= needed)
    assert percentile(ordered, q) == right


@pytest.mark.parametrize(("q", "n"), [(0.5, 7), (0.9, 44), (0.95, 90), (0.99, 459), (0.999, 4603)])
def test_samples_needed_is_where_a_99_percent_bound_begins(q: float, n: int) -> None:
    assert samples_needed(q) == n
    assert q**n <= 0.01 < q ** (n - 1)


def test_a_percentile_without_enough_samples_is_missing() -> None:
    few = summarize_latency(np.full(43, 2.0))
    assert (few.p50, few.p90, few.mean, few.max) == (2.0, None, 2.0, 2.0)
    assert summarize_latency(np.full(44, 2.0)).p90 == 2.0
    assert summarize_latency(np.array([])).mean is None


def test_failed_requests_are_infinitely_slow() -> None:
    latency = summarize_latency(np.array([1.0] * 90 + [math.inf] * 10))
    assert latency.p50 == latency.p90 == 1.0
    assert latency.p95 is None and latency.max is None and latency.mean is None


def test_a_trial_counts_what_was_intended_within_its_window() -> None:
    rows = [
        (0, 5, "ok"),  # warm-up
        (8, 12, "ok"),  # begun in the warm-up: throughput of the window, but not its latency
        (10, 20, "ok"),
        (20, 30, "grpc_8"),
        (30, 45, "ok"),
        (45, 60, "ok"),  # still in flight at the end
    ]
    m = summarize_trial(TRIAL, ENDPOINT, trial_samples(rows, (10, 50)))
    assert (m.request_count, m.error_count, m.errors) == (4, 1, {"grpc_8": 1})
    assert m.in_flight_at_end == 1
    assert m.throughput_rps == pytest.approx(3 / 0.040)
    assert m.verdict == "valid"


def test_a_trial_says_what_its_workload_is_judged_by() -> None:
    trial = replace(TRIAL, workload=replace(TRIAL.workload, judged_by="p99"))
    assert summarize_trial(trial, ENDPOINT, trial_samples([(0, 5, "ok")], (0, 50))).judged_by == "p99"


def test_a_failed_request_is_no_throughput_and_no_fast_success() -> None:
    m = summarize_trial(TRIAL, ENDPOINT, trial_samples([(i, i + 1, "refused") for i in range(100)], (0, 100)))
    assert m.throughput_rps == 0
    assert m.latency_ms.p50 is None
    assert (m.verdict, m.reasons) == ("invalid", (Reason("no_success"),))


@pytest.mark.parametrize(
    ("changes", "lag_ms", "reason"),
    [
        ({"request_count": 0, "error_count": 0}, None, Reason("no_success")),
        ({"request_count": 9, "error_count": 9}, None, Reason("no_success")),
        ({"client_cpu_percent": 81.0}, None, Reason("load_busy", {"percent": 81.0, "limit_percent": 80.0})),
        ({"wrong_answers": 1}, None, Reason("wrong_answers", {"count": 1})),
        ({"held_back": 3}, None, Reason("held_back", {"count": 3})),
        ({}, 1.01, Reason("late", {"ms": 1.01, "limit_ms": 1.0})),  # a median of 0.4 ms
        ({"latency_ms": replace(LATENCY, p50=10.0)}, 2.01, Reason("late", {"ms": 2.01, "limit_ms": 2.0})),
        ({"latency_ms": replace(LATENCY, p50=None)}, 1.01, Reason("late", {"ms": 1.01, "limit_ms": 1.0})),
        ({}, math.inf, Reason("late", {"ms": None, "limit_ms": 1.0})),
    ],
)
def test_reasons_for_an_invalid_trial(changes: dict[str, Any], lag_ms: float | None, reason: Reason) -> None:
    assert judge_trial(replace(MEASURED, **changes), lag_ms) == [reason]
    assert is_from_samples(reason)


def test_errors_alone_leave_a_trial_valid_and_so_does_a_lag_within_its_limit() -> None:
    assert judge_trial(replace(MEASURED, error_count=17), 0.99) == []
    assert judge_trial(replace(MEASURED, latency_ms=replace(LATENCY, p50=10.0)), 1.99) == []


def open_trial(lags_ms: list[int], rate: float = 100, arrival: Any = "constant") -> Any:
    """A request every 10 ms, as late as said, answered 2 ms after its start."""
    intended = np.arange(len(lags_ms)) * 10
    rows = [(int(i) + lag, int(i) + lag + 2, "ok") for i, lag in zip(intended, lags_ms, strict=True)]
    trial = Trial("t", "lean-tflite-grpc", Workload("open", arrival, rate_rps=rate), 0, 0, None)
    return summarize_trial(trial, ENDPOINT, trial_samples(rows, (0, 1000), intended_ns=intended * MS))


def test_an_open_loop_counts_latency_from_the_intended_start() -> None:
    m = open_trial([0] * 90 + [5] * 10)
    assert (m.service_ms.max, m.latency_ms.max, m.lag_ms.max) == (2.0, 7.0, 5.0)
    assert (m.latency_ms.p50, m.lag_ms.p50) == (2.0, 0.0)
    assert (m.verdict, m.reasons) == ("invalid", (Reason("late", {"ms": 5.0, "limit_ms": 1.0}),))
    assert m.achieved_rate == 1.0


def test_what_started_after_the_window_was_not_achieved() -> None:
    assert open_trial([0] * 80 + [500] * 20).achieved_rate == pytest.approx(0.8)


def test_a_closed_loop_has_no_lag_and_no_asked_rate() -> None:
    m = summarize_trial(TRIAL, ENDPOINT, trial_samples([(i, i + 1, "ok") for i in range(9)], (0, 100)))
    assert (m.lag_ms, m.achieved_rate, m.gaps) == (None, None, None)


def drifting(first_ms: int, last_ms: int, count: int = 300) -> Any:
    rows = [(i, i + (first_ms if i < count / 2 else last_ms), "ok") for i in range(count)]
    return summarize_trial(TRIAL, ENDPOINT, trial_samples(rows, (0, count)))


@pytest.mark.parametrize(("last_ms", "percent"), [(111, 11), (89, -11), (400, 300)])
def test_a_drift_is_told_and_excludes_nothing(last_ms: int, percent: float) -> None:
    m = drifting(100, last_ms)
    assert m.drift_percent == pytest.approx(percent) and (m.verdict, m.reasons) == ("valid", ())


def test_few_requests_tell_no_drift() -> None:
    assert drifting(100, 200, count=80).drift_percent is None


def test_connections_are_counted_within_the_window() -> None:
    rows = [(i, i + 1, "ok") for i in range(4)]
    m = summarize_trial(TRIAL, ENDPOINT, trial_samples(rows, (2, 100), connects=np.array([1, 0, 1, 1])))
    assert m.connections_opened == 2


def test_a_part_that_is_lost_makes_a_trial_invalid() -> None:
    rows = [(i, i + 1, "ok") for i in range(4)]
    lost = Reason("load_worker_ended", {"worker": 2, "workers": 2})
    m = summarize_trial(TRIAL, ENDPOINT, trial_samples(rows, (0, 9), lost=(lost,)))
    assert (m.verdict, m.reasons) == ("invalid", (lost,))


@pytest.mark.parametrize(
    ("watches", "percent"),
    [
        ([("a", 1, 50.0), ("a", 1, 45.0)], 95.0),  # two workers on one CPU
        ([("a", 2, 50.0), ("a", 2, 45.0)], 47.5),
        ([("a", 8, 90.0)], 90.0),  # one worker can't use eight CPUs
        ([("a", 1, 30.0), ("b", 1, 85.0)], 85.0),  # one machine of two
        ([], None),
    ],
)
def test_the_busiest_cpu_set_counts(watches: list[tuple[str, int, float]], percent: float | None) -> None:
    found = [Watch(n, place, cpus, cpu, 0.0, 0) for n, (place, cpus, cpu) in enumerate(watches)]
    assert busiest(found, "cpu_percent") == percent


def test_gaps_are_tested_against_the_asked_distribution() -> None:
    poisson = Workload("p", "poisson", rate_rps=50.0, warmup_s=0, duration_s=100, seed=11)
    right = summarize_gaps(draw_schedule(poisson), poisson)
    assert right is not None and right.p_value is not None and right.p_value > 0.001
    assert right.variation == pytest.approx(1, abs=0.05) and right.mean_ratio == pytest.approx(1, abs=0.05)
    even = summarize_gaps(draw_schedule(replace(poisson, arrival="constant")), poisson)
    assert even is not None and even.p_value is not None and even.p_value < 1e-9 and even.variation < 1e-6
    faster = summarize_gaps(draw_schedule(replace(poisson, rate_rps=60)), poisson)
    assert faster is not None and faster.p_value is not None and faster.p_value < 1e-9
    constant = summarize_gaps(draw_schedule(replace(poisson, arrival="constant")), replace(poisson, arrival="constant"))
    assert constant is not None and (constant.ks_distance, constant.p_value) == (None, None)
    assert summarize_gaps(np.array([1, 2]), poisson) is None


def test_floors_are_those_of_the_same_workload_and_wire() -> None:
    def measured(target: str, wire: str, p50: float, **changes: Any) -> Measurement:
        protocol: Any = "grpc" if wire.endswith("grpc") else "rest"
        latency = replace(LATENCY, p50=p50)
        return replace(MEASURED, target=target, wire=wire, protocol=protocol, service_ms=latency, **changes)

    rows = [
        measured("torchserve", "torchserve-grpc", 0.8),
        measured("lean-tflite", "tfserving-grpc", 0.2),
        measured("lean-tflite", "tfserving-rest", 0.2),
        measured("echo", "torchserve-grpc", 0.4),
        measured("echo", "torchserve-grpc", 0.6),
        measured("echo", "torchserve-grpc", 9.0, verdict="invalid"),
        measured("echo", "tfserving-grpc", 0.1, workload="c8"),
        measured("client-floor", "tfserving-grpc", 0.1),
    ]
    floors = [m.floors for m in add_floors(rows)][:3]
    assert floors[0] == Floors(server_ms=0.5, client_ms=0.1, near=False)
    assert floors[1] == Floors(server_ms=None, client_ms=0.1, near=True)
    assert floors[2] == Floors(server_ms=None, client_ms=None, near=False)


def test_rounds_are_summarised_by_medians_of_valid_trials() -> None:
    def measured(duration_ms: int, cpu: float = 1.0) -> Any:
        rows = [(i * 10, i * 10 + duration_ms, "ok") for i in range(100)]
        watch = replace(WATCH, cpu_percent=cpu)
        return summarize_trial(TRIAL, ENDPOINT, trial_samples(rows, (0, 1000), watch))

    trials = [measured(1), measured(5), measured(2), measured(9, cpu=99.0)]
    (summary,) = summarize_rounds(trials)
    assert summary.latency_ms.p50 == 2.0
    assert summary.latency_ms.p99 is None
    assert summary.throughput_rps == pytest.approx(100)
    assert (summary.low, summary.high) == interval_of([1.0, 5.0, 2.0])
    assert (summary.least, summary.most) == (1.0, 5.0)


def test_the_interval_of_a_median_is_students_over_the_logarithms_of_the_rounds() -> None:
    logs = np.log([1.0, 1.2, 0.9, 1.1])
    low, high = stats.t.interval(0.95, 3, logs.mean(), stats.sem(logs))
    assert interval_of([1.0, 1.2, None, 0.9, 1.1]) == pytest.approx((math.exp(low), math.exp(high)))


@pytest.mark.parametrize("figures", [[], [1.0], [1.0, None], [None, None], [0.373, 0.4]])
def test_fewer_than_three_rounds_have_no_interval(figures: list[float | None]) -> None:
    assert interval_of(figures) == (None, None)
