"""Times the same piece of work again and again: how steady this machine is where a server will run."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SLICE_S = 0.05
"""CPU time of a slice."""
FIRST_ITERATIONS = 1000
CALIBRATIONS = 3


def take_pulse(cpus: set[int], seconds: float, tick: Callable[[], None]) -> list[float]:
    """Return the times in s of slices of the same work on a CPU set, one after the other until the time is up.

    A slice is `SLICE_S` of arithmetic in one thread, which waits for nothing but its CPU; `tick` is called at each
    second's end.
    """
    with _confined(cpus):
        iterations = _calibrate()
        times: list[float] = []
        start = told = time.perf_counter()
        while (before := time.perf_counter()) - start < seconds:
            _work(iterations)
            times.append(time.perf_counter() - before)
            while time.perf_counter() - told >= 1.0:
                told += 1.0
                tick()
    return times


@contextmanager
def _confined(cpus: set[int]) -> Iterator[None]:
    """Run on a CPU set while the block runs."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _calibrate() -> int:
    """Return how many iterations take a slice's CPU time: the fastest of a few tries, so that no disturbance counts."""
    _work(FIRST_ITERATIONS)  # loads the library
    return max(_iterations_by_one_try() for _ in range(CALIBRATIONS))


def _iterations_by_one_try() -> int:
    iterations = 10 * FIRST_ITERATIONS
    before = time.thread_time()
    _work(iterations)
    return max(1, int(iterations * SLICE_S / max(time.thread_time() - before, 1e-6)))


def _work(iterations: int) -> None:
    """Compute: in C, without the interpreter's lock, so that the thread that draws progress holds nothing up."""
    hashlib.pbkdf2_hmac("sha256", b"bakeoff", b"doctor", iterations)
