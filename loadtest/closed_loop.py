"""A closed loop: send, wait for the answer, send again. Runs in a native thread, where gevent can't delay it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from gevent.monkey import get_original

from bakeoff.types import Sample
from bakeoff.wire.client import Client

# Answers kept to be checked: spread over the whole loop, few enough to cost nothing.
KEEP_MOST = 32
# A server that refuses or resets answers at once: without a pause the loop would only measure how fast that is.
PAUSE_AFTER_FAILURE_S = 0.01

native_sleep = get_original("time", "sleep")


def closed_loop(client: Client, bodies: Sequence[bytes], first: int, until_ns: int) -> list[Sample]:
    """Send bodies in turn, from number `first` on, until `until_ns`; the last request is waited for."""
    samples: list[Sample] = []
    number, keep_after = first, 0
    keep_every_ns = max(1, (until_ns - time.perf_counter_ns()) // KEEP_MOST)
    while time.perf_counter_ns() < until_ns:
        number %= len(bodies)
        body = bodies[number]
        reply = client.send(body)
        start = reply.start_ns
        keep = start >= keep_after
        if keep:
            keep_after = start + keep_every_ns
        answer = reply.body if keep else None
        samples.append(Sample(start, start, reply.end_ns, reply.status, len(body), len(reply.body), number, answer))
        if reply.status in ("refused", "reset"):
            native_sleep(PAUSE_AFTER_FAILURE_S)
        number += 1
    return samples
