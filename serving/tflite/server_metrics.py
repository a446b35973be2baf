"""What the server counts, in Prometheus' text format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Summary, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST


class ServerMetrics:
    """Counters of one server process; the calls are safe from any thread."""

    def __init__(self) -> None:
        disable_created_metrics()  # a time beside every series, which nobody asks for
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "bakeoff_requests", "Requests by protocol and status", ["protocol", "code"], registry=self._registry
        )
        self.in_flight = Gauge("bakeoff_requests_in_flight", "Requests being answered", registry=self._registry)
        self._queue = Summary("bakeoff_queue_microseconds", "Waiting for a free worker", registry=self._registry)
        self._compute = Summary("bakeoff_compute_microseconds", "Running the model", registry=self._registry)

    def observe_queue(self, nanoseconds: int) -> None:
        self._queue.observe(nanoseconds / 1000)

    def observe_compute(self, nanoseconds: int) -> None:
        self._compute.observe(nanoseconds / 1000)

    def dump(self) -> bytes:
        return generate_latest(self._registry)
