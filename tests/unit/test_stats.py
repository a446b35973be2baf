"""Figures from hand-made records."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.samples import TrialSamples, Window
from bakeoff.stats import (
    judge_trial,
    percentile,
    samples_needed,
    summarize_latency,
    summarize_rounds,
    summarize_trial,
)
from bakeoff.types import Endpoint, Trial, Workload

MS = 1_000_000
ENDPOINT = Endpoint("tflite-grpc", "digits_cnn", "tflite", "tflite-fp32", "grpc", "tfserving-grpc")
TRIAL = Trial("t", "tflite-grpc", Workload("c1", "closed", concurrency=1), 0, 0, "t.parquet")


def trial_samples(rows: list[tuple[int, int, str]], window_ms: tuple[int, int], cpu: float = 10.0) -> TrialSamples:
    """Rows are (start ms, end ms, status)."""
    starts = np.array([row[0] * MS for row in rows], dtype=np.int64)
    ends = np.array([row[1] * MS for row in rows], dtype=np.int64)
    return TrialSamples(
        window=Window(window_ms[0] * MS, window_ms[1] * MS),
        client_cpu_percent=cpu,
        intended_ns=starts,
        start_ns=starts,
        end_ns=ends,
        status=tuple(row[2] for row in rows),
        request=np.zeros(len(rows), dtype=np.int64),
        answers=(),
    )


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


def test_a_failed_request_is_no_throughput_and_no_fast_success() -> None:
    m = summarize_trial(TRIAL, ENDPOINT, trial_samples([(i, i + 1, "refused") for i in range(100)], (0, 100)))
    assert m.throughput_rps == 0
    assert m.latency_ms.p50 is None
    assert (m.verdict, m.reasons) == ("invalid", ("no request succeeded",))


@pytest.mark.parametrize(
    ("requests", "failed", "cpu", "wrong", "reason"),
    [
        (0, 0, 1.0, 0, "no request"),
        (9, 9, 1.0, 0, "no request"),
        (9, 0, 81.0, 0, "81%"),
        (9, 1, 1.0, 1, "wrong"),
    ],
)
def test_reasons_for_an_invalid_trial(requests: int, failed: int, cpu: float, wrong: int, reason: str) -> None:
    reasons = judge_trial(requests, failed, cpu, wrong)
    assert len(reasons) == 1 and reason in reasons[0]


def test_errors_alone_leave_a_trial_valid() -> None:
    assert judge_trial(100, 17, 10.0, 0) == []


def test_rounds_are_summarised_by_medians_of_valid_trials() -> None:
    def measured(duration_ms: int, cpu: float = 1.0) -> Any:
        rows = [(i * 10, i * 10 + duration_ms, "ok") for i in range(100)]
        return summarize_trial(TRIAL, ENDPOINT, trial_samples(rows, (0, 1000), cpu))

    trials = [measured(1), measured(5), measured(2), measured(9, cpu=99.0)]
    (summary,) = summarize_rounds(trials)
    assert summary.latency_ms.p50 == 2.0
    assert summary.latency_ms.p99 is None
    assert summary.throughput_rps == pytest.approx(100)
