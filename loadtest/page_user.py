"""The Locust users behind its page and command line: they call in slices of time and report each request to Locust."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import locust.stats
import native
from closed_loop import closed_loop
from locust import User, task
from recorder import Recorder

from bakeoff.schema import Endpoint, Model
from bakeoff.wire import WIRES
from bakeoff.wire.client import Client

SLICE_NS = 250_000_000
DIGITS = 3


class EndpointUser(User):
    """One caller of the endpoint that --endpoint names, with `bodies` in turn."""

    endpoint: ClassVar[Endpoint]
    model: ClassVar[Model]
    bodies: ClassVar[tuple[bytes, ...]]
    timeout_s: ClassVar[float] = 30.0

    def on_start(self) -> None:
        """Connect."""
        self.curl = Client(self.endpoint, self.model, self.timeout_s)
        wire = WIRES[self.endpoint.wire]
        self.requests = [wire.request(self.model, body) for body in self.bodies]

    def on_stop(self) -> None:
        """Hang up."""
        self.curl.close()

    @task
    def call(self) -> None:
        """Call for a slice of time, then report."""
        begin = time.perf_counter_ns()
        recorder = Recorder(begin)
        native.in_thread(closed_loop, self.curl, self.requests, 0, begin + SLICE_NS, recorder)
        for sample in recorder.samples:
            failed = None if sample.status == "ok" else RuntimeError(sample.status)
            self.environment.events.request.fire(
                request_type=self.endpoint.protocol,
                name=self.endpoint.id,
                response_time=(sample.end_ns - sample.start_ns) / 1e6,
                response_length=sample.response_bytes,
                exception=failed,
                context={},
            )


def keep_three_digits() -> None:
    """Have Locust's statistics keep three significant digits of every time, in place of whole milliseconds and worse.

    Its page then shows percentiles right to half a percent, and the smallest and largest time unrounded.
    """
    locust.stats.bucket_response_time = round_to_digits  # which Locust documents as the place to do so
    locust.stats.proper_round = lambda value, digits=0: round(value, max(digits, DIGITS))


def round_to_digits(milliseconds: Any) -> float:
    """Return a time with three significant digits."""
    return float(f"{milliseconds:.{DIGITS}g}")
