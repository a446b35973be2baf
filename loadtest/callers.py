"""The callers of a trial. Each primes its connection, then runs until the trial is over, in a native thread."""

from __future__ import annotations

import native
from assignment import Assignment
from closed_loop import closed_loop
from curl_link import CurlLink
from open_loop import open_loop
from recorder import Recorder

from bakeoff.measure.schedule import draw_schedule, share_of
from bakeoff.wire.client import Call, Client

PRIME_REQUESTS = 3


class ClosedCaller:
    """One caller of a closed loop, number `number` of all. `held_back` and `spun_ns` are an open loop's, always 0."""

    def __init__(self, assignment: Assignment, number: int) -> None:
        self.held_back = self.spun_ns = 0
        self._assignment, self._number = assignment, number
        self._requests = assignment.requests()
        self._client = Client(assignment.endpoint, assignment.model, assignment.timeout_s)

    def prime(self) -> None:
        """Connect, and send a few requests that nobody counts."""
        for _ in range(PRIME_REQUESTS):
            native.in_thread(self._client.send, self._requests[0])

    def run(self, begin_ns: int) -> Recorder:
        """Call from `begin_ns` on, of this process's clock, to the trial's end."""
        recorder = Recorder(begin_ns)
        native.in_thread(native.sleep_until, begin_ns)
        until_ns = begin_ns + self._assignment.window.end_ns
        native.in_thread(closed_loop, self._client, self._requests, self._number, until_ns, recorder)
        return recorder

    def close(self) -> None:
        self._client.close()


class OpenCaller:
    """A worker's share of an open loop's arrivals. Arrival k of the schedule sends request k, whoever sends it."""

    def __init__(self, assignment: Assignment) -> None:
        self.held_back = 0
        self._assignment = assignment
        requests = assignment.requests()

        def number_of(arrival: int) -> int:
            return (arrival * assignment.workers + assignment.worker) % len(requests)

        def make_call() -> Call:
            return Call(assignment.endpoint, assignment.model, assignment.timeout_s)

        self._link = CurlLink(make_call, requests, number_of)

    @property
    def spun_ns(self) -> int:
        """The time spent waiting awake."""
        return self._link.spun_ns

    def prime(self) -> None:
        assignment = self._assignment
        self._share = share_of(draw_schedule(assignment.trial.workload), assignment.worker, assignment.workers)
        for _ in range(PRIME_REQUESTS):
            native.in_thread(open_loop, [0], self._link, 1)

    def run(self, begin_ns: int) -> Recorder:
        most = max(1, self._assignment.trial.workload.max_outstanding // self._assignment.workers)
        self._link.recorder = Recorder(begin_ns)
        self._link.spun_ns = 0
        self.held_back = native.in_thread(open_loop, (begin_ns + self._share).tolist(), self._link, most)
        return self._link.recorder

    def close(self) -> None:
        self._link.close()


Caller = ClosedCaller | OpenCaller
