"""What a run found: results.json, and all that it is made of but models and artifacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bakeoff.types.edge import EdgeMeasurement
from bakeoff.types.models import Artifact, MissingArtifact, Model, Parity
from bakeoff.types.names import Arrival, MemorySource, Protocol, RuntimeName, Verdict


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
class Spent:
    """Where a trial's mean service time went, in ms, by the server's own counters over the trial.

    `rest_ms` is transport and encoding: what is left of the client's mean. `counted` are the requests that the server
    counted meanwhile; where that isn't what was sent, or the counters don't cover the protocol, the times are None and
    `note` says why.
    """

    queue_ms: float | None
    compute_ms: float | None
    rest_ms: float | None
    counted: int | None
    note: str | None


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
    excludes nothing.
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
    reasons: tuple[str, ...]
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
    spent: Spent | None = None
    disturbed: Disturbance | None = None
    wrong_answers: int = 0


@dataclass(frozen=True, slots=True)
class Startup:
    """Seconds from a server's start to its ports being open, and from there to the first right answers."""

    listening_s: float
    answering_s: float


@dataclass(frozen=True, slots=True)
class Bare:
    """What an artifact takes in process, without any server: ms a prediction of batch 1, with the target's threads."""

    model: str
    target: str
    format: str
    p50_ms: float
    predictions: int


@dataclass(frozen=True, slots=True)
class TargetState:
    """What became of a target in this run.

    `ready_seconds`, `startup` and `idle_rss_bytes` are by "MODEL FORMAT"; the last is the memory of all its processes
    after the first right answers and before any load. `install_bytes`: its environment on disk (local) or its image.
    `workers` and `threads`: what its server was started with.
    """

    name: str
    framework: str
    server: str
    version: str | None
    status: Literal["available", "unavailable", "failed"]
    reason: str | None = None
    remedy: str | None = None
    ready_seconds: dict[str, float] | None = None
    startup: dict[str, Startup] | None = None
    idle_rss_bytes: dict[str, int] | None = None
    install_bytes: int | None = None
    workers: int | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Support:
    """Whether a target's runtime can load an artifact, and what it said if it can't."""

    model: str
    target: str
    format: str
    supported: bool
    max_abs_error: float | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Summary:
    """An endpoint's valid trials of one workload over all rounds: medians.

    `low` and `high`: the 95% t interval of the geometric mean of the rounds' p50, in ms; None with fewer than three
    rounds that have a p50. `least` and `most`: the smallest and the largest p50 of a round.
    """

    model: str
    endpoint: str
    workload: str
    throughput_rps: float
    latency_ms: Latency
    low: float | None = None
    high: float | None = None
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The ratio of endpoint a's figure to b's over the rounds, with its interval.

    Of two runs, a and b are the same endpoint in the new run and in the old one. `low` and `high` hold at `confidence`,
    which in the family that gets verdicts is adjusted for the family's size; None with fewer than three rounds.
    `least` and `most`: the smallest and the largest ratio of a round; None between runs, which have no round in common.
    """

    model: str
    a: str
    b: str
    workload: str
    metric: str
    ratio: float
    low: float | None
    high: float | None
    verdict: Verdict | None
    confidence: float
    rounds: int
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A container image that was used; `own_bytes` are its layers above the base image.

    The id is that of its configuration; a digest exists where it came from a registry.
    """

    target: str
    name: str
    id: str
    digest: str | None
    size_bytes: int
    own_bytes: int | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was around servers and load.

    `network`: what lies between load and server; `resources`: whether the servers' CPU time and memory could be read;
    CPU sets as taskset writes them; `engine`: the container engine and its version.
    """

    network: Literal["loopback", "bridge", "host"]
    resources: bool
    server_cpus: str
    load_cpus: str
    memory_limit_bytes: int | None = None
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """results.json.

    `paused`: whether idle servers were stopped while another was measured; `restarted`: whether servers were restarted
    between rounds; `reference`: the endpoint that verdicts compare with; `finished`: models of which all rounds ran;
    `edge`: what `bakeoff sizes --measure` found of the artifacts before.
    """

    schema_version: int
    created_at: str
    command: str
    seed: int
    machine: dict[str, object]
    config: dict[str, object]
    models: tuple[Model, ...]
    artifacts: tuple[Artifact, ...]
    parity: tuple[Parity, ...]
    support: tuple[Support, ...]
    targets: tuple[TargetState, ...]
    measurements: tuple[Measurement, ...]
    summary: tuple[Summary, ...]
    comparisons: tuple[Comparison, ...]
    runtime: RuntimeName = "local"
    paused: bool = True
    surroundings: Surroundings | None = None
    images: tuple[Image, ...] = ()
    bare: tuple[Bare, ...] = ()
    restarted: bool = False
    reference: str | None = None
    finished: tuple[str, ...] = ()
    missing_artifacts: tuple[MissingArtifact, ...] = ()
    edge: tuple[EdgeMeasurement, ...] = ()
