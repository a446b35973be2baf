"""The open loop against a queue in virtual time: the latencies are Lindley's, to the nanosecond."""

from __future__ import annotations

import heapq
from collections import deque

import numpy as np
import pytest
from lindley import lindley
from open_loop import open_loop

from bakeoff.measure.schedule import draw_schedule, share_of
from bakeoff.schema import Workload

MS = 1_000_000
SERVICE = 5 * MS


class VirtualQueue:
    """One server, first come first served, with a clock that stands still but where it is waited for.

    A stall is (from, to): nothing is served then. `deaf` is a time in which the loop itself can't run.
    """

    def __init__(self, service_ns: int, stall: tuple[int, int] = (0, 0), deaf: tuple[int, int] = (0, 0)) -> None:
        self.in_flight = 0
        self.clock = 0
        self.service_ns, self.stall, self.deaf = service_ns, stall, deaf
        self.free = 0
        self.ending: list[tuple[int, int]] = []
        self.intended: dict[int, int] = {}
        self.started: dict[int, int] = {}
        self.ended: dict[int, int] = {}

    def now(self) -> int:
        return self.clock

    def send(self, arrival: int, intended_ns: int) -> None:
        self.in_flight += 1
        self.intended[arrival], self.started[arrival] = intended_ns, self.clock
        begin = max(self.free, self.clock)
        if self.stall[0] <= begin < self.stall[1]:
            begin = self.stall[1]
        self.free = begin + self.service_ns
        heapq.heappush(self.ending, (self.free, arrival))

    def wait(self, until_ns: int | None) -> None:
        end = self.ending[0][0] if self.ending else None
        candidates = [at for at in (until_ns, end) if at is not None]
        self.clock = max(self.clock, min(candidates))
        if self.deaf[0] <= self.clock < self.deaf[1]:
            self.clock = self.deaf[1]
        while self.ending and self.ending[0][0] <= self.clock:
            at, arrival = heapq.heappop(self.ending)
            self.ended[arrival] = at
            self.in_flight -= 1

    def times(self, begin: dict[int, int]) -> list[int]:
        """Return the times from `begin` to the answers, in the order of the arrivals."""
        return [self.ended[arrival] - begin[arrival] for arrival in sorted(self.ended)]


def poisson(load: float, seconds: float = 200.0, seed: int = 5) -> list[int]:
    rate = load / (SERVICE / 1e9)
    workload = Workload("w", "poisson", rate_rps=rate, warmup_s=0, duration_s=seconds, seed=seed)
    return [int(at) for at in draw_schedule(workload)]


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_a_queue_at_rest(load: float) -> None:
    arrivals = poisson(load)
    queue = VirtualQueue(SERVICE)
    assert open_loop(arrivals, queue, 10**9) == 0
    assert queue.times(queue.intended) == lindley(arrivals, [SERVICE] * len(arrivals))
    assert queue.times(queue.started) == queue.times(queue.intended)  # nothing started late


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_the_mean_wait_is_that_of_theory(load: float) -> None:
    """Pollaczek and Khinchine: a queue M/D/1 waits load * service / (2 * (1 - load)) on average."""
    waits = []
    for seed in range(20):
        queue = VirtualQueue(SERVICE)
        open_loop(poisson(load, 100, seed), queue, 10**9)
        waits.append(np.mean(queue.times(queue.intended)) - SERVICE)
    theory = load * SERVICE / (2 * (1 - load))
    assert abs(np.mean(waits) - theory) < 4 * np.std(waits, ddof=1) / np.sqrt(len(waits))


def test_overload_grows_without_end_and_is_seen_so() -> None:
    arrivals = poisson(1.5, 20)
    queue = VirtualQueue(SERVICE)
    assert open_loop(arrivals, queue, 10**9) == 0
    latencies = queue.times(queue.intended)
    assert latencies == lindley(arrivals, [SERVICE] * len(arrivals))
    assert latencies[-1] > 5e9  # a third of what came in 20 s is left
    assert queue.started == queue.intended


def test_a_stall_of_the_server_delays_what_came_meanwhile() -> None:
    arrivals = [10 * MS * k for k in range(6000)]
    queue = VirtualQueue(SERVICE, stall=(20_000 * MS, 23_000 * MS))
    open_loop(arrivals, queue, 10**9)
    latencies = np.sort(queue.times(queue.intended))
    assert latencies[int(0.99 * 6000) - 1] > 2_000 * MS
    assert queue.started == queue.intended


def test_a_stall_before_the_server_shows_from_the_intended_start_and_not_in_service_time() -> None:
    """At most one request outstanding: the others are held back, and their wait is no service time."""
    arrivals = [10 * MS * k for k in range(6000)]
    queue = VirtualQueue(SERVICE, stall=(20_000 * MS, 23_000 * MS))
    held_back = open_loop(arrivals, queue, 1)
    stalled = [SERVICE] * 6000
    stalled[2000] += 3_000 * MS
    assert queue.times(queue.intended) == lindley(arrivals, stalled)
    assert np.percentile(queue.times(queue.intended), 99) > 2_000 * MS
    assert np.percentile(queue.times(queue.started), 99) == SERVICE
    assert held_back > 300


def test_a_stall_of_the_loop_itself_is_lag_and_no_arrival_is_lost() -> None:
    arrivals = [10 * MS * k for k in range(6000)]
    queue = VirtualQueue(SERVICE, deaf=(20_000 * MS, 23_000 * MS))
    open_loop(arrivals, queue, 10**9)
    lag = [queue.started[k] - queue.intended[k] for k in range(6000)]
    assert max(lag) >= 2_990 * MS and lag[0] == lag[-1] == 0
    assert np.percentile(queue.times(queue.intended), 99) > 2_000 * MS
    assert len(queue.ended) == 6000


def test_the_limit_of_outstanding_requests_holds_and_is_counted() -> None:
    seen: deque[int] = deque()

    class Watched(VirtualQueue):
        def send(self, arrival: int, intended_ns: int) -> None:
            super().send(arrival, intended_ns)
            seen.append(self.in_flight)

    arrivals = [0] * 10
    queue = Watched(SERVICE)
    assert open_loop(arrivals, queue, 4) == 6
    assert max(seen) == 4
    assert queue.times(queue.intended) == [SERVICE * k for k in range(1, 11)]


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_send_the_same_arrivals_as_one(workers: int) -> None:
    """Against a server that never queues, pooled latencies are equal, too."""
    schedule = np.array(poisson(0.8, 20))
    sent: list[int] = []
    for worker in range(workers):
        queue = VirtualQueue(0)
        open_loop([int(at) for at in share_of(schedule, worker, workers)], queue, 10**9)
        sent += queue.started.values()
        assert set(queue.times(queue.intended)) == {0}
    assert sorted(sent) == schedule.tolist()
