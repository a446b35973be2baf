"""A closed loop: send, wait for the answer, send again. Runs in a native thread, where gevent can't delay it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import native
from recorder import Recorder

from bakeoff.wire import Request
from bakeoff.wire.client import Client

# A server that refuses or resets answers at once: without a pause the loop would only measure how fast that is.
PAUSE_AFTER_FAILURE_S = 0.01


def closed_loop(client: Client, requests: Sequence[Request], first: int, until_ns: int, recorder: Recorder) -> None:
    """Send requests in turn, from number `first` on, until `until_ns`; the last request is waited for."""
    number = first % len(requests)
    while time.perf_counter_ns() < until_ns:
        request = requests[number]
        reply = client.send(request)
        recorder.record(reply.start_ns, reply, number, len(request.body))
        if reply.status in ("refused", "reset"):
            native.sleep(PAUSE_AFTER_FAILURE_S)
        number = (number + 1) % len(requests)
