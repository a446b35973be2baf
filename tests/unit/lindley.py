"""What a queue with one server does to arrivals, exactly."""

from __future__ import annotations

from collections.abc import Iterable


def lindley(arrivals: Iterable[float], services: Iterable[float]) -> list[float]:
    """Return each arrival's time from its arrival to its answer, first come first served.

    Lindley's recursion: W(n+1) = max(0, W(n) + S(n) - T(n)), with the waits W, services S and gaps T.
    """
    latencies, free = [], float("-inf")
    for arrival, service in zip(arrivals, services, strict=True):
        free = max(arrival, free) + service
        latencies.append(free - arrival)
    return latencies
