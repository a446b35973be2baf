"""The project's nouns. Standard library only, because servers and the load generator import them too.

Raw times are integer nanoseconds, sizes are bytes, reported times are float milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

Protocol = Literal["rest", "rest-binary", "grpc"]
Arrival = Literal["closed", "constant", "poisson"]
RuntimeName = Literal["local", "docker"]
Verdict = Literal["faster", "slower", "same", "inconclusive"]
MemorySource = Literal["processes", "cgroup-peak", "sampled"]
"""Where a server's peak memory is from: its processes' peak resident sets, the peak that its container's cgroup keeps
(page cache included), or the largest of the container's sizes after each trial."""

EDGE_FORMATS = ("onnx", "executorch", "lite-interpreter")
"""Formats that no target serves: exported when asked for, and measured in process."""
FORMATS = (
    "torchscript",
    "savedmodel",
    "tflite-fp32",
    "tflite-fp16",
    "tflite-dynamic",
    "tflite-int8",
    *EDGE_FORMATS,
)
FP32_FORMATS = frozenset({"torchscript", "savedmodel", "tflite-fp32", *EDGE_FORMATS})
NO_FORMAT = "none"
"""The format of a target that serves no artifact (echo)."""
SERVER_FLOOR, CLIENT_FLOOR = "echo", "client-floor"
"""Targets that compute nothing: one written like our own servers, and one that costs almost nothing."""
FLOORS = frozenset({SERVER_FLOOR, CLIENT_FLOOR})

WIRE_PROTOCOLS: dict[str, Protocol] = {
    "torchserve-rest": "rest",
    "torchserve-rest-binary": "rest-binary",
    "torchserve-grpc": "grpc",
    "tfserving-rest": "rest",
    "tfserving-rest-binary": "rest-binary",
    "tfserving-grpc": "grpc",
}
PROTOCOLS: tuple[Protocol, ...] = ("rest", "rest-binary", "grpc")

STRICT = {"extra": "forbid"}
"""Pydantic's setting for types that are read from files people write: an unknown key is an error."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An input or output of a model; the first dimension is the batch, None is a free dimension."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A PyTorch network as its export describes it (artifacts/NAME/model.json).

    `lengths`: the sizes of its free dimensions beyond the batch that are proved and loaded, all in turn; empty where it
    has none.
    """

    name: str
    sha256: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    atol: float
    rtol: float
    lengths: tuple[int, ...] = ()
    accuracy: float | None = None
    accuracy_samples: int | None = None


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How close an artifact's answers to the golden samples are to PyTorch's, in the runtime of its export.

    `max_abs_error` and `cosine`: the worst over all samples and outputs; None: not a number. `top1`: the share of
    samples with the largest value of the first output at the same place; None where that is no row of scores.
    """

    max_abs_error: float | None
    cosine: float | None
    top1: float | None
    samples: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model in a format, on disk, as its manifest describes it.

    `zstd_bytes`, `weights_bytes` and `fidelity` are None in what older versions exported.
    """

    model: str
    format: str
    path: str
    size_bytes: int
    gzip_bytes: int
    sha256: str
    accuracy: float | None
    export_seconds: float
    parity: tuple[Parity, ...]
    zstd_bytes: int | None = None
    weights_bytes: int | None = None
    fidelity: Fidelity | None = None


@dataclass(frozen=True, slots=True)
class MissingArtifact:
    """A format that a model could not be made in, or did not hold up in, and why."""

    model: str
    format: str
    reason: str


@dataclass(frozen=True, slots=True)
class EdgeProcess:
    """What one fresh process saw of an artifact in process, at batch 1 and pinned to as many CPUs as threads.

    ns; percentiles over `count` steady predictions. `peak_bytes`: of resident memory, over what it was with the runtime
    imported and nothing loaded. `waited`: of the CPU time that its threads wanted while steady, the share they had to
    wait for, because others had the CPUs.
    """

    threads: int
    load_ns: int
    first_ns: int
    p10_ns: int
    p50_ns: int
    p90_ns: int
    count: int
    peak_bytes: int | None
    waited: float


@dataclass(frozen=True, slots=True)
class EdgeMeasurement:
    """What an artifact costs in process in one runtime; with a `reason` it couldn't be measured, and nothing else is.

    Sizes are of the runtime's package, of the packages that it requires, and of its own shared objects that were
    loaded. `max_abs_error`: against PyTorch, in this runtime.
    """

    model: str
    format: str
    sha256: str
    runtime: str
    measured_at: str
    cpu: str
    reason: str | None = None
    version: str | None = None
    runtime_bytes: int | None = None
    dependencies_bytes: int | None = None
    shared_objects_bytes: int | None = None
    max_abs_error: float | None = None
    processes: tuple[EdgeProcess, ...] = ()


@dataclass(frozen=True, slots=True)
class Parity:
    """How far one runtime's answers are from the reference's (kind "format": PyTorch; "serving": the artifact)."""

    model: str
    format: str
    runtime: str
    kind: Literal["format", "serving"]
    endpoint: str | None
    max_abs_error: float | None
    ok: bool
    batch: int | None = None
    message: str | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A server program with the formats it can serve (the first is its default) and the wires it speaks.

    `requires` names commands that must be on PATH; `pythons` ("3.11") and `machines` ("x86_64") are what its packages
    exist for, empty meaning any; `checks`: its program knows --check; `start_timeout_s` is the time to the first right
    answer; `prime_s` is how long it is loaded before its first trial, its endpoints in turn, until its speed has
    settled; `metrics` is the path of its Prometheus page on the REST port, or on the private port that it writes into
    the file `metrics_port` of its folder; `bare`: its program knows --bare.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    name: str
    framework: str
    server: str
    formats: tuple[str, ...]
    wires: tuple[str, ...]
    program: str
    package: str | None = None
    version_command: tuple[str, ...] = ()
    requirements: str | None = None
    workers: int = 1
    threads: int = 1
    start_timeout_s: float = 60.0
    prime_s: float = 1.5
    requires: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    checks: bool = False
    bare: bool = False
    metrics: str | None = None
    metrics_port: str | None = None
    unavailable_remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One model on one target in one format over one protocol.

    `token_file`: where a server wants a token, the file that holds it; never the token itself.
    """

    id: str
    model: str
    target: str
    format: str
    protocol: Protocol
    wire: str
    host: str = ""
    port: int = 0
    token_file: str | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked of an endpoint, and for how long.

    A closed loop has a concurrency, constant and poisson arrivals a rate. `max_outstanding` is how many requests of an
    open loop may wait for their answers at once; a trial that needs more is invalid. `models` are those it is for, all
    where it names none; it is not for endpoints whose requests are larger than `max_request_bytes`, and only in the
    first `rounds`. `seed` draws the schedule; a run gives each round its own.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    name: str
    arrival: Arrival
    concurrency: int | None = None
    rate_rps: float | None = None
    warmup_s: float = 1.0
    duration_s: float = 5.0
    batch_size: int = 1
    timeout_s: float = 30.0
    max_outstanding: int = 1000
    max_request_bytes: int | None = None
    rounds: int | None = None
    models: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """One workload on one endpoint, once: its place in the run and where its samples go (None: nowhere, it primes).

    `attempt`: 0, or how often it was repeated before because it was invalid.
    """

    id: str
    endpoint: str
    workload: Workload
    round: int
    order: int
    samples: str | None
    attempt: int = 0


@dataclass(slots=True)
class Sample:
    """One request. Status is ok, wrong, timeout, refused, reset, http_NNN or grpc_N; times: ns from the trial's begin.

    `request` is the number of the request file that was sent; `answer` the number of the distinct answer that came back
    (None: not kept), so that every answer can be checked against the golden outputs without keeping them all;
    `connects` counts the connections that were opened for it.
    """

    intended_ns: int
    start_ns: int
    end_ns: int
    status: str
    request_bytes: int
    response_bytes: int
    request: int
    answer: int | None
    connects: int


@dataclass(frozen=True, slots=True)
class Watch:
    """What one worker of the load generator saw of itself in a trial.

    `place` is the machine and the CPU set it ran on, which has `cpus` CPUs. CPU times are percent of one CPU;
    `spin_percent`, waiting awake for the next arrival's time, is not in `cpu_percent`. `held_back` counts requests that
    started late because `max_outstanding` were waiting.
    """

    worker: int
    place: str
    cpus: int
    cpu_percent: float
    spin_percent: float
    held_back: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All that the load generator needs to know of a model that is being served.

    `requests` maps a wire and a batch size to the files of encoded requests, in the order in which they are sent;
    artifacts.Golden tells which golden rows each holds.
    """

    model: Model
    golden: str
    endpoints: tuple[Endpoint, ...]
    requests: dict[str, dict[int, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Task:
    """A trial that the load generator is asked for, with its endpoint as the load generator reaches it."""

    trial: Trial
    endpoint: Endpoint


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
    `attempt`: 0, or how often the trial was repeated before because it was invalid.
    `client_cpu_percent`: of the CPUs that the load generator can use, spinning apart. `held_back`: requests that
    started late because too many were outstanding. `connections_opened`: within the window. `drift_percent`: how much
    longer the median request took in the window's last third than in its first; None where either has too few.
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

    `low` and `high`: the 95% t interval of the geometric mean of the rounds' p50, in ms; None with fewer than two
    rounds that have a p50.
    """

    model: str
    endpoint: str
    workload: str
    throughput_rps: float
    latency_ms: Latency
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The ratio of endpoint a's figure to b's over the rounds, with its interval.

    Of two runs, a and b are the same endpoint in the new run and in the old one. `low` and `high` hold at `confidence`,
    which in the family that gets verdicts is adjusted for the family's size; None with fewer than two rounds.
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
