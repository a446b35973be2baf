"""Where a trial's time went by the server's own counters: Prometheus text before and after, and the difference."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from bakeoff.schema import Breakdown, Protocol, Reason

SETTLE_TRIES, SETTLE_S = 5, 0.05


@dataclass(frozen=True, slots=True)
class Timer:
    """The series with a time's sum, in a unit of so many ms; `count`: how often it was taken, where that is kept."""

    sum: str
    count: str | None
    unit_ms: float


@dataclass(frozen=True, slots=True)
class Family:
    """How one kind of server counts.

    `untimed` are protocols whose requests it counts without taking their times.
    """

    requests: str
    compute: Timer
    queue: Timer | None = None
    untimed: tuple[Protocol, ...] = ()


FAMILIES = (
    Family(
        requests="bakeoff_requests_total",
        compute=Timer("bakeoff_compute_microseconds_sum", "bakeoff_compute_microseconds_count", 1e-3),
        queue=Timer("bakeoff_queue_microseconds_sum", "bakeoff_queue_microseconds_count", 1e-3),
    ),
    Family(
        requests="bakeoff_requests_total",
        compute=Timer("bakeoff_inference_seconds_sum", "bakeoff_inference_seconds_count", 1e3),
    ),
    # TorchServe: one number each, and none of it for gRPC but the requests.
    Family(
        requests="ts_inference_requests_total",
        compute=Timer("ts_inference_latency_microseconds", None, 1e-3),
        queue=Timer("ts_queue_latency_microseconds", None, 1e-3),
        untimed=("grpc",),
    ),
    # TensorFlow Serving has a queue only where it batches. Its request_latency holds the decoding of JSON, too.
    Family(
        requests=":tensorflow:serving:request_count",
        compute=Timer(":tensorflow:serving:runtime_latency_sum", ":tensorflow:serving:runtime_latency_count", 1e-3),
    ),
)
"""A server is known by the series of its computation."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the client did in a trial: requests it sent, priming and warm-up too, and their mean service time.

    `mean_ms` is None where a request failed.
    """

    protocol: Protocol
    sent: int
    mean_ms: float | None


def add_up(text: str) -> dict[str, float]:
    """Return each series' value, added up over its labels; nothing of a page that is not Prometheus's text."""
    found: dict[str, float] = {}
    # Without types, of which the parser makes names: it gives every counter the suffix _total.
    lines = (line for line in text.split("\n") if not line.startswith("#"))
    try:
        for family in text_string_to_metric_families("\n".join(lines)):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
    except ValueError:
        return {}
    return found


def count_requests(text: str) -> int | None:
    """Return how many requests a page counts so far; None where it is of no known server."""
    series = add_up(text)
    family = _family_of(series)
    return None if family is None else round(series.get(family.requests, 0.0))


def read_settled(read: Callable[[], str | None], before: str | None, sent: int) -> str | None:
    """Read a page, again for a moment if it doesn't count all that was sent: some servers count after they answered."""
    wanted = None if before is None else (count_requests(before) or 0) + sent
    page = read()
    for _ in range(SETTLE_TRIES):
        if page is None or wanted is None or (count_requests(page) or 0) >= wanted:
            break
        time.sleep(SETTLE_S)
        page = read()
    return page


def break_down(before: str | None, after: str | None, client: Exchange) -> Breakdown:
    """Split a trial's mean service time by a server's metrics pages just before and after it.

    The times are None where what was counted isn't what was sent: then they are of other requests, too.
    """
    if before is None or after is None:
        return _nothing(None, Reason("counters_unreadable"))
    start, end = add_up(before), add_up(after)
    family = _family_of(end)
    if family is None:
        return _nothing(None, Reason("counters_unknown"))
    counted = round(_grown(start, end, family.requests))
    problem = _find_problem(start, end, family, client)
    if problem is not None or client.mean_ms is None:
        return _nothing(counted, problem or Reason("requests_failed"))
    compute_ms = _mean_ms(start, end, family.compute, counted)
    queue_ms = None if family.queue is None else _mean_ms(start, end, family.queue, counted)
    remainder_ms = client.mean_ms - compute_ms - (queue_ms or 0.0)
    reason = Reason("no_queue_counted") if queue_ms is None else None
    return Breakdown(queue_ms, compute_ms, remainder_ms, counted, reason)


def _family_of(series: Mapping[str, float]) -> Family | None:
    return next((family for family in FAMILIES if family.compute.sum in series), None)


def _find_problem(
    start: Mapping[str, float], end: Mapping[str, float], family: Family, client: Exchange
) -> Reason | None:
    """Return why the counters' times say nothing of this trial, None where they do."""
    timers = [timer for timer in (family.queue, family.compute) if timer is not None]
    names = [family.requests, *(timer.sum for timer in timers)]
    if any(_grown(start, end, name) < 0 for name in names):
        return Reason("counters_restarted")
    untimed = client.protocol in family.untimed
    for name in (family.requests, *(timer.count for timer in timers if not untimed)):
        if name is not None and (count := round(_grown(start, end, name))) != client.sent:
            return Reason("counters_differ", {"series": name, "counted": count, "sent": client.sent})
    return Reason("untimed", {"protocol": client.protocol}) if untimed else None


def _grown(start: Mapping[str, float], end: Mapping[str, float], name: str) -> float:
    """Return by how much a series grew; one that didn't exist yet began at nothing."""
    return end.get(name, 0.0) - start.get(name, 0.0)


def _mean_ms(start: Mapping[str, float], end: Mapping[str, float], timer: Timer, count: int) -> float:
    return _grown(start, end, timer.sum) * timer.unit_ms / count


def _nothing(counted: int | None, reason: Reason) -> Breakdown:
    return Breakdown(queue_ms=None, compute_ms=None, remainder_ms=None, counted=counted, reason=reason)
