"""What one trial's samples say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bakeoff.schema.names import Arrival, MemorySource, Protocol
from bakeoff.schema.reasons import Reason


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds; None where too few requests were made, or where the value is a failed request's infinity."""

    mean: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p999: float | None
    max: float | None


@dataclass(frozen=True, slots=True)
class Gaps:
    """How the gaps between a trial's sends compare with those asked for.

    `mean_ratio`: their mean over the asked one; `variation`: standard deviation over mean, 1 for Poisson arrivals and 0
    for constant ones; `ks_distance` and `p_value`: Kolmogorov and Smirnov's test against the exponential distribution,
    of Poisson arrivals alone. With many requests it finds any lag, however small: judge by `lag_ms`.
    """

    mean_ratio: float
    variation: float
    ks_distance: float | None
    p_value: float | None


@dataclass(frozen=True, slots=True)
class Floors:
    """The median service time in ms of servers that compute nothing, under the same workload: what no result can beat.

    `server_ms`: the echo target on the same wire; `client_ms`: nginx or nghttpd over the same protocol; None where it
    was not measured. `near`: this trial's median is under three times the client floor.
    """

    server_ms: float | None
    client_ms: float | None
    near: bool


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Where a trial's mean service time went, in ms, by the server's own counters over the trial.

    `remainder_ms` is transport and encoding: what is left of the client's mean. `counted` are the requests that the
    server counted meanwhile; where that isn't what was sent, or the counters don't cover the protocol, the times are
    None and `reason` says why.
    """

    queue_ms: float | None
    compute_ms: float | None
    remainder_ms: float | None
    counted: int | None
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What was taken from this machine's CPUs during a trial, in percent; None where that can't be read.

    Steal: of their time, by the hypervisor. Throttled: of the cgroup's periods, by its quota.
    """

    steal_percent: float | None
    throttled_percent: float | None


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one trial's samples say.

    `workers`: processes that sent. `achieved_rate`: requests started within the window, of those scheduled in it.
    `wrong_answers`: of those checked, in warm-up too. `attempt`: 0, or how often the trial was repeated before because
    it was invalid.
    `client_cpu_percent`: of the CPUs that the load generator can use, spinning apart. `held_back`: requests that
    started late because too many were outstanding. `connections_opened`: within the window. `drift_percent`: how much
    longer the median request took in the window's last third than in its first; None where either has too few. It
    excludes nothing. `judged_by`: the metric whose ratios get verdicts, empty where none do; None in older results.
    """

    trial_id: str
    endpoint: str
    model: str
    target: str
    format: str
    protocol: Protocol
    workload: str
    arrival: Arrival
    concurrency: int | None
    rate_rps: float | None
    batch_size: int
    wire: str
    seed: int
    round: int
    verdict: Literal["valid", "invalid"]
    reasons: tuple[Reason, ...]
    request_count: int
    error_count: int
    errors: dict[str, int]
    in_flight_at_end: int
    answers_checked: int
    throughput_rps: float
    latency_ms: Latency
    service_ms: Latency
    lag_ms: Latency | None
    achieved_rate: float | None
    gaps: Gaps | None
    held_back: int
    connections_opened: int
    drift_percent: float | None
    workers: int
    client_cpu_percent: float | None
    client_spin_percent: float | None
    server_cpu_ms_per_request: float | None
    peak_rss_bytes: int | None
    memory_from: MemorySource | None = None
    floors: Floors | None = None
    attempt: int = 0
    breakdown: Breakdown | None = None
    disturbed: Disturbance | None = None
    wrong_answers: int = 0
    judged_by: str | None = None
