"""From a trial's samples to its figures: pure functions over arrays."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from scipy.stats import kstest

from bakeoff.analysis.intervals import estimate_mean
from bakeoff.schema import (
    CLIENT_FLOOR,
    SERVER_FLOOR,
    Endpoint,
    Floors,
    Gaps,
    Latency,
    Measurement,
    Reason,
    Summary,
    Trial,
    Watch,
    Workload,
)
from bakeoff.schema.samples import Bools, Ints, TrialSamples, Window

Floats = np.ndarray[Any, np.dtype[np.float64]]

LATENCY_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
CLIENT_CPU_LIMIT_PERCENT = 80.0
LAG_LIMIT_MS, LAG_LIMIT_OF_MEDIAN = 1.0, 0.2
NEAR_FLOOR = 3.0
DRIFT_REQUESTS = 30
OF_WORKLOAD = ("arrival", "concurrency", "rate_rps", "batch_size", "seed", "judged_by")
"""What a measurement repeats of its workload."""
GAPS_TESTED = 100_000
"""As many, evenly taken, tell any deviation that matters; of millions the test takes seconds and half a gigabyte."""


def samples_needed(quantile: float, confidence: float = 0.99) -> int:
    """Return the fewest requests that bound a quantile from above at all: P[no request beyond it] <= 1 - confidence."""
    return math.ceil(math.log(1 - confidence) / math.log(quantile))


def percentile(ordered: Floats, quantile: float) -> float:
    """Return the smallest sample with at least n*q samples at or below it (inverted CDF); `ordered` ascends."""
    # The product is rounded first: 0.95 * 20 is 18.999999999999996 in floating point.
    rank = math.ceil(round(quantile * len(ordered), 9))
    return float(ordered[max(rank, 1) - 1])


def summarize_latency(milliseconds: Floats) -> Latency:
    """Summarise latencies in which a failed request is +infinity.

    A percentile is None with too few requests for it, or where it falls on a failed request.
    """
    ordered = np.sort(milliseconds)
    count = len(ordered)
    found = {
        name: _finite(percentile(ordered, quantile)) if count >= samples_needed(quantile) else None
        for name, quantile in LATENCY_QUANTILES.items()
    }
    mean = _finite(float(ordered.mean())) if count else None
    return Latency(mean=mean, max=_finite(float(ordered[-1])) if count else None, **found)


def summarize_trial(trial: Trial, endpoint: Endpoint, samples: TrialSamples) -> Measurement:
    """Summarise the requests intended within the window; throughput counts the successes that ended within it."""
    window, workload = samples.window, trial.workload
    inside = within(samples.intended_ns, window)
    ok, closed = samples.ok, workload.arrival == "closed"
    errors = count_errors(samples, inside)
    lag, lag_p99_ms = (None, None) if closed else summarize_lag(samples, inside)
    started, gaps = summarize_starts(samples, workload)
    measurement = Measurement(
        **_what_was_measured(trial, endpoint),
        verdict="valid",
        reasons=(),
        request_count=int(inside.sum()),
        error_count=sum(errors.values()),
        errors=errors,
        in_flight_at_end=int((inside & (samples.end_ns >= window.end_ns)).sum()),
        answers_checked=int((samples.answer >= 0).sum()),
        throughput_rps=float((ok & within(samples.end_ns, window)).sum()) / window.seconds,
        latency_ms=summarize_latency(milliseconds(samples.intended_ns, samples.end_ns, ok)[inside]),
        service_ms=summarize_latency(milliseconds(samples.start_ns, samples.end_ns, ok)[inside]),
        lag_ms=lag,
        achieved_rate=None if closed or not inside.any() else started / int(inside.sum()),
        gaps=gaps,
        held_back=sum(watch.held_back for watch in samples.watches),
        connections_opened=int(samples.connects[inside].sum()),
        drift_percent=find_drift(samples, inside),
        workers=len(samples.watches),
        client_cpu_percent=busiest(samples.watches, "cpu_percent"),
        client_spin_percent=busiest(samples.watches, "spin_percent"),
        server_cpu_ms_per_request=None,
        peak_rss_bytes=None,
        wrong_answers=int(samples.having("wrong").sum()),
    )
    reasons = (*samples.lost, *judge_trial(measurement, lag_p99_ms))
    return replace(measurement, verdict="invalid" if reasons else "valid", reasons=reasons)


def _what_was_measured(trial: Trial, endpoint: Endpoint) -> dict[str, Any]:
    workload = trial.workload
    return {
        "trial_id": trial.id,
        "round": trial.round,
        "attempt": trial.attempt,
        "endpoint": endpoint.id,
        **{name: getattr(endpoint, name) for name in ("model", "target", "format", "protocol", "wire")},
        "workload": workload.name,
        **{name: getattr(workload, name) for name in OF_WORKLOAD},
    }


def count_errors(samples: TrialSamples, inside: Bools) -> dict[str, int]:
    """Return how many requests failed in which way, in alphabetical order."""
    counts = np.bincount(samples.status[inside], minlength=len(samples.statuses))
    found = {status: int(count) for status, count in zip(samples.statuses, counts, strict=True) if count}
    return {status: found[status] for status in sorted(found) if status != "ok"}


def summarize_lag(samples: TrialSamples, inside: Bools) -> tuple[Latency, float]:
    """Return how late the requests of an open loop started, and the 99th percentile of that, of however few."""
    lag = (samples.start_ns - samples.intended_ns)[inside] / 1e6
    return summarize_latency(lag), tail_of(lag)


def summarize_starts(samples: TrialSamples, workload: Workload) -> tuple[int, Gaps | None]:
    """Return how many requests started within the window, and the test of their gaps; None for a closed loop."""
    started = samples.start_ns[within(samples.start_ns, samples.window)]
    started.sort()
    return len(started), None if workload.arrival == "closed" else summarize_gaps(started, workload)


def summarize_gaps(started_ns: Ints, workload: Workload) -> Gaps | None:
    """Test the gaps between sends, in order, against the asked distribution; None with fewer than two gaps."""
    gaps = np.diff(started_ns) / 1e9
    if len(gaps) < 2 or workload.rate_rps is None:
        return None
    tested = gaps[:: math.ceil(len(gaps) / GAPS_TESTED)]
    test = kstest(tested, "expon", args=(0, 1 / workload.rate_rps)) if workload.arrival == "poisson" else None
    return Gaps(
        mean_ratio=float(gaps.mean() * workload.rate_rps),
        variation=float(gaps.std() / gaps.mean()),
        ks_distance=None if test is None else float(test.statistic),
        p_value=None if test is None else float(test.pvalue),
    )


def busiest(watches: Sequence[Watch], what: str) -> float | None:
    """Return the largest share of CPU time that workers used of a CPU set, in percent; None without workers.

    A worker's Python runs on one CPU at a time, so that a set counts no more CPUs than there are workers on it.
    """
    used: dict[str, list[float]] = defaultdict(list)
    for watch in watches:
        used[watch.place].append(getattr(watch, what))
    cpus = {watch.place: watch.cpus for watch in watches}
    return max((sum(shares) / min(len(shares), cpus[place]) for place, shares in used.items()), default=None)


def judge_trial(m: Measurement, lag_p99_ms: float | None) -> list[Reason]:
    """Return the reasons why a trial is invalid; none means valid.

    Failed requests alone are no reason: they are counted, are no throughput and are infinite in the latencies. Nor is
    any latency: to drop a trial for what it measured would bias what is left.
    """
    reasons: list[Reason] = []
    if m.request_count == m.error_count:
        reasons.append(Reason("no_success"))
    if m.wrong_answers:
        reasons.append(Reason("wrong_answers", {"count": m.wrong_answers}))
    if m.client_cpu_percent is not None and m.client_cpu_percent > CLIENT_CPU_LIMIT_PERCENT:
        limit_percent = CLIENT_CPU_LIMIT_PERCENT
        reasons.append(Reason("load_busy", {"percent": m.client_cpu_percent, "limit_percent": limit_percent}))
    if m.held_back:
        reasons.append(Reason("held_back", {"count": m.held_back}))
    limit = max(LAG_LIMIT_MS, LAG_LIMIT_OF_MEDIAN * (m.latency_ms.p50 or 0))
    if lag_p99_ms is not None and lag_p99_ms > limit:
        reasons.append(Reason("late", {"ms": _finite(lag_p99_ms), "limit_ms": limit}))
    return reasons


def find_drift(samples: TrialSamples, inside: Bools) -> float | None:
    """Return by how many percent the last third's median latency is off the first third's, failures being infinite.

    None where either third has too few requests. It is shown and excludes nothing.
    """
    third = (samples.window.end_ns - samples.window.start_ns) / 3
    when = samples.intended_ns - samples.window.start_ns
    latency = milliseconds(samples.intended_ns, samples.end_ns, samples.ok)
    first, last = (np.sort(latency[inside & part]) for part in (when < third, when >= 2 * third))
    if min(len(first), len(last)) < DRIFT_REQUESTS:
        return None
    before, after = percentile(first, 0.5), percentile(last, 0.5)
    if not (math.isfinite(before) and math.isfinite(after) and before):
        return None
    return 100 * (after / before - 1)


def tail_of(lag: Floats) -> float:
    """Return the 99th percentile, of however few: a limit is judged by what there is, infinite where there is none."""
    return percentile(np.sort(lag), 0.99) if len(lag) else float("inf")


def add_floors(measurements: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """Give every measurement the floors that were measured under its workload."""
    server: dict[tuple[str, ...], list[float]] = defaultdict(list)
    client: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for m in measurements:
        p50 = m.service_ms.p50
        if m.target in (SERVER_FLOOR, CLIENT_FLOOR) and m.verdict == "valid" and p50 is not None:
            server[m.model, m.workload, m.wire] += [p50] if m.target == SERVER_FLOOR else []
            client[m.model, m.workload, m.protocol] += [p50] if m.target == CLIENT_FLOOR else []
    return tuple(
        replace(m, floors=_floors(m, server[m.model, m.workload, m.wire], client[m.model, m.workload, m.protocol]))
        for m in measurements
    )


def _floors(m: Measurement, server: list[float], client: list[float]) -> Floors:
    floor = median(client) if client else None
    p50 = m.service_ms.p50
    near = floor is not None and p50 is not None and p50 < NEAR_FLOOR * floor
    return Floors(median(server) if server else None, floor, near)


def summarize_rounds(measurements: Sequence[Measurement]) -> list[Summary]:
    """Return the medians over the valid trials of each model, endpoint and workload, with the interval of the p50."""
    groups: dict[tuple[str, str, str], list[Measurement]] = defaultdict(list)
    for m in measurements:
        if m.verdict == "valid":
            groups[m.model, m.endpoint, m.workload].append(m)
    return [
        Summary(
            *place,
            median([m.throughput_rps for m in group]),
            median_latency([m.latency_ms for m in group]),
            *interval_of([m.latency_ms.p50 for m in group]),
            *range_of([m.latency_ms.p50 for m in group]),
        )
        for place, group in groups.items()
    ]


def interval_of(figures: Sequence[float | None]) -> tuple[float, float] | tuple[None, None]:
    """Return the 95% t interval of the geometric mean of one figure a round; None with fewer than three.

    On logarithms, as comparisons are: a round's luck is a factor. Requests of one round are never pooled, since they
    depend on one another.
    """
    logs = [math.log(figure) for figure in figures if figure is not None and figure > 0]
    found = estimate_mean(logs).interval(0.95) if logs else None
    return (None, None) if found is None else (math.exp(found[0]), math.exp(found[1]))


def range_of(figures: Sequence[float | None]) -> tuple[float, float] | tuple[None, None]:
    """Return the smallest and the largest of one figure a round; None where no round has it."""
    known = [figure for figure in figures if figure is not None]
    return (min(known), max(known)) if known else (None, None)


def median_latency(latencies: list[Latency]) -> Latency:
    """Return the median of each figure; None where a trial lacks it."""

    def of(name: str) -> float | None:
        values = [getattr(latency, name) for latency in latencies]
        return None if None in values else median(values)

    return Latency(**{f.name: of(f.name) for f in fields(Latency)})


def median(values: list[float]) -> float:
    """Return the median of at least one value."""
    return float(np.median(values))


def within(times: Ints, window: Window) -> Bools:
    """Return which times lie in the window."""
    return (times >= window.start_ns) & (times < window.end_ns)


def milliseconds(begin: Ints, end: Ints, ok: Bools) -> Floats:
    """Return durations in which a failed request is +infinity."""
    found: Floats = (end - begin) / 1e6
    found[~ok] = np.inf
    return found


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
