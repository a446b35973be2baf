"""What the server counts, in Prometheus' text format."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Summary, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST


class ServerMetrics:
    """Counters of one server process; the calls are safe from any thread."""

    def __init__(self) -> None:
        disable_created_metrics()  # a time beside every series, which nobody asks for
        self._registry = CollectorRegistry()
        requests = Counter(
            "bakeoff_requests", "Requests by protocol and status", ["protocol", "code"], registry=self._registry
        )
        self._requests = cache(requests.labels)  # finding the series costs more than counting
        self.in_flight = Gauge("bakeoff_requests_in_flight", "Requests being answered", registry=self._registry)
        self._queue = Summary("bakeoff_queue_microseconds", "Waiting for an interpreter", registry=self._registry)
        self._compute = Summary("bakeoff_compute_microseconds", "Running the model", registry=self._registry)

    def count(self, protocol: str, code: str) -> None:
        """Count a request that was answered."""
        self._requests(protocol, code).inc()

    def observe(self, queue_ns: int, compute_ns: int) -> None:
        """Take down one prediction's times."""
        self._queue.observe(queue_ns / 1000)
        self._compute.observe(compute_ns / 1000)

    def dump(self) -> bytes:
        return generate_latest(self._registry)
