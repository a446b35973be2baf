"""From a trial's samples to its figures: pure functions over arrays."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from bakeoff.samples import Ints, TrialSamples
from bakeoff.types import Endpoint, Latency, Measurement, Summary, Trial

Floats = np.ndarray[Any, np.dtype[np.float64]]

LATENCY_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
CLIENT_CPU_LIMIT_PERCENT = 80.0


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
    inside = (samples.intended_ns >= window.start_ns) & (samples.intended_ns < window.end_ns)
    ok = samples.ok
    ended = (samples.end_ns >= window.start_ns) & (samples.end_ns < window.end_ns)
    errors = Counter(samples.status[row] for row in np.flatnonzero(inside & ~ok))
    wrong = samples.status.count("wrong")
    reasons = judge_trial(int(inside.sum()), errors.total(), samples.client_cpu_percent, wrong)
    return Measurement(
        trial_id=trial.id,
        endpoint=endpoint.id,
        model=endpoint.model,
        target=endpoint.target,
        format=endpoint.format,
        protocol=endpoint.protocol,
        workload=workload.name,
        arrival=workload.arrival,
        concurrency=workload.concurrency,
        rate_rps=workload.rate_rps,
        batch_size=workload.batch_size,
        round=trial.round,
        verdict="invalid" if reasons else "valid",
        reasons=tuple(reasons),
        request_count=int(inside.sum()),
        error_count=errors.total(),
        errors=dict(sorted(errors.items())),
        in_flight_at_end=int((inside & (samples.end_ns >= window.end_ns)).sum()),
        answers_checked=len(samples.answers),
        throughput_rps=float((ok & ended).sum()) / window.seconds,
        latency_ms=summarize_latency(milliseconds(samples.intended_ns, samples.end_ns, ok)[inside]),
        service_ms=summarize_latency(milliseconds(samples.start_ns, samples.end_ns, ok)[inside]),
        lag_ms=None,
        client_cpu_percent=samples.client_cpu_percent,
        server_cpu_ms_per_request=None,
        peak_rss_bytes=None,
    )


def judge_trial(requests: int, failed: int, client_cpu_percent: float, wrong_answers: int) -> list[str]:
    """Return the reasons why a trial is invalid; none means valid.

    Failed requests alone are no reason: they are counted, are no throughput and are infinite in the latencies.
    """
    reasons = []
    if requests == failed:
        reasons.append("no request succeeded")
    if wrong_answers:
        reasons.append(f"{wrong_answers} of the checked answers were wrong")
    if client_cpu_percent > CLIENT_CPU_LIMIT_PERCENT:
        reasons.append(
            f"the load generator used {client_cpu_percent:.0f}% of a CPU, more than {CLIENT_CPU_LIMIT_PERCENT:.0f}%"
        )
    return reasons


def summarize_rounds(measurements: Sequence[Measurement]) -> list[Summary]:
    """Return the medians over the valid trials of each model, endpoint and workload."""
    groups: dict[tuple[str, str, str], list[Measurement]] = defaultdict(list)
    for m in measurements:
        if m.verdict == "valid":
            groups[m.model, m.endpoint, m.workload].append(m)
    return [
        Summary(*place, median([m.throughput_rps for m in group]), median_latency([m.latency_ms for m in group]))
        for place, group in groups.items()
    ]


def median_latency(latencies: list[Latency]) -> Latency:
    """Return the median of each figure; None where a trial lacks it."""

    def of(name: str) -> float | None:
        values = [getattr(latency, name) for latency in latencies]
        return None if None in values else median(values)

    return Latency(**{f.name: of(f.name) for f in fields(Latency)})


def median(values: list[float]) -> float:
    """Return the median of at least one value."""
    return float(np.median(values))


def milliseconds(begin: Ints, end: Ints, ok: np.ndarray[Any, np.dtype[np.bool_]]) -> Floats:
    """Return durations in which a failed request is +infinity."""
    return np.where(ok, (end - begin) / 1e6, np.inf)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
