"""Prometheus metrics of a Flask target, added up over its gunicorn workers and its gRPC server."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Summary, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

REQUESTS = Counter("bakeoff_requests", "Predictions answered", ["protocol", "code"])
INFERENCE = Summary("bakeoff_inference_seconds", "Time in the framework, without decoding and encoding", ["protocol"])


def metrics_page() -> bytes:
    """Render the metrics of all processes of this server in Prometheus' text format."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # reads the folder PROMETHEUS_MULTIPROC_DIR
    return generate_latest(registry)
