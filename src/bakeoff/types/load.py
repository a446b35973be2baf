"""What is served and what is asked of it, down to a single request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bakeoff.types.models import Model
from bakeoff.types.names import STRICT, Arrival, Protocol


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
