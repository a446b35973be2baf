"""Locust users that send through libcurl in native threads, so that neither gevent nor Locust is in the timing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import gevent
from closed_loop import closed_loop
from gevent.event import AsyncResult, Event
from locust import User, task
from locust.exception import StopUser

from bakeoff.types import Endpoint, Plan, Sample
from bakeoff.wire import WIRES
from bakeoff.wire.client import Client

PRIME_REQUESTS = 3
PAGE_SLICE_NS = 250_000_000


def load_bodies(plan: Plan, wire: str, batch_size: int) -> list[bytes]:
    """Read a wire's request files."""
    return [Path(path).read_bytes() for path in plan.requests[wire][batch_size]]


def connect(plan: Plan, endpoint: Endpoint, timeout_s: float) -> Client:
    """Make a client for an endpoint."""
    model = plan.model
    return Client(endpoint.host, endpoint.port, WIRES[endpoint.wire], model.name, model.inputs, timeout_s)


def in_thread(function: Any, *arguments: Any) -> Any:
    """Run a function in a native thread while the other greenlets go on."""
    return gevent.get_hub().threadpool.apply(function, arguments)


@dataclass(slots=True)
class Stage:
    """Where the users of one trial meet: all prime, then all start, then all hand in their samples."""

    plan: Plan
    endpoint: Endpoint
    bodies: list[bytes]
    users: int
    timeout_s: float
    primed: int = 0
    samples: list[list[Sample]] = field(default_factory=list)
    all_primed: Event = field(default_factory=Event)
    until_ns: AsyncResult = field(default_factory=AsyncResult)
    all_done: Event = field(default_factory=Event)


class TrialUser(User):
    """One caller of a trial."""

    stage: ClassVar[Stage]

    @task
    def take_part(self) -> None:
        """Prime, wait for the others, call until the end, hand in the samples."""
        stage = self.stage
        client = connect(stage.plan, stage.endpoint, stage.timeout_s)
        samples: list[Sample] = []
        try:
            try:
                for _ in range(PRIME_REQUESTS):
                    in_thread(client.send, stage.bodies[0])
            finally:  # a user that fails must not keep the others waiting
                first = stage.primed
                stage.primed += 1
                if stage.primed == stage.users:
                    stage.all_primed.set()
            samples = in_thread(closed_loop, client, stage.bodies, first, stage.until_ns.get())
        finally:
            client.close()
            stage.samples.append(samples)
            if len(stage.samples) == stage.users:
                stage.all_done.set()
        raise StopUser


class PageUser(User):
    """One caller under Locust's own page or command line: calls in slices and reports each request to Locust."""

    abstract = True
    plan: ClassVar[Plan]
    endpoint: ClassVar[Endpoint]
    bodies: ClassVar[list[bytes]]
    timeout_s: ClassVar[float] = 30.0

    def on_start(self) -> None:
        """Connect."""
        self.curl = connect(self.plan, self.endpoint, self.timeout_s)

    @task
    def call(self) -> None:
        """Call for a slice of time, then report."""
        until = time.perf_counter_ns() + PAGE_SLICE_NS
        for sample in in_thread(closed_loop, self.curl, self.bodies, 0, until):
            failed = None if sample.status == "ok" else RuntimeError(sample.status)
            self.environment.events.request.fire(
                request_type=self.endpoint.protocol,
                name=self.endpoint.id,
                response_time=(sample.end_ns - sample.start_ns) / 1e6,
                response_length=sample.response_bytes,
                exception=failed,
                context={},
            )
