"""What the load generator is told, and what it saw, down to a single request."""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff.schema.model import Model
from bakeoff.schema.target import Endpoint
from bakeoff.schema.workload import Workload


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
