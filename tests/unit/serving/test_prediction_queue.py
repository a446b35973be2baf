"""The line in front of the lean server's engine: bounded, and left by who waits no more."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "serving" / "lean"))
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "serving" / "shared"))

from prediction_queue import Caller, PredictionQueue
from request_error import RequestError

PATIENT = Caller()


class Metrics:
    """Stands where the server's are: the times of each prediction."""

    def __init__(self) -> None:
        self.times: list[tuple[int, int]] = []

    def observe(self, queue_ns: int, compute_ns: int) -> None:
        self.times.append((queue_ns, compute_ns))


class Interpreter:
    """Computes x + 1, as long as the test wants, and notices two callers at a time."""

    def __init__(self) -> None:
        self.begun, self.release = threading.Event(), threading.Event()
        self.computed: list[float] = []
        self._used = threading.Lock()

    def __call__(self, arrays: dict[str, Any]) -> dict[str, Any]:
        assert self._used.acquire(blocking=False), "two at a time"
        self.begun.set()
        assert self.release.wait(10)
        self.computed.append(float(arrays["x"][0]))
        self._used.release()
        return {"y": arrays["x"] + 1}


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as pool:
        yield pool


def queue_of(limit: int, *interpreters: Interpreter) -> PredictionQueue:
    metrics: Any = Metrics()
    return PredictionQueue(interpreters, limit, metrics)


def ask(queue: PredictionQueue, x: float, caller: Caller = PATIENT) -> float:
    with queue:
        return float(queue.predict({"x": np.array([x])}, caller)["y"][0])


def outcome(asked: Future[float]) -> float:
    try:
        return asked.result(10)
    except RequestError as error:
        return error.http_status


def until(condition: Callable[[], object]) -> None:
    for _ in range(1000):
        if condition():
            return
        sleep(0.005)
    raise AssertionError("it did not come about")


def test_a_full_queue_refuses_at_once_and_has_room_again_afterwards(threads: ThreadPoolExecutor) -> None:
    interpreter = Interpreter()
    queue = queue_of(2, interpreter)
    first = [threads.submit(ask, queue, x) for x in range(3)]
    until(lambda: interpreter.begun.is_set() and not queue._places)
    with pytest.raises(RequestError, match="2 requests wait already") as refusal:
        ask(queue, 9)
    assert (refusal.value.http_status, refusal.value.grpc_status) == (503, "RESOURCE_EXHAUSTED")
    assert not any(asked.done() for asked in first)
    interpreter.release.set()
    assert sorted(outcome(asked) for asked in first) == [1, 2, 3]
    assert ask(queue, 4) == 5
    assert 9 not in interpreter.computed


def test_it_is_crowded_while_somebody_has_to_wait() -> None:
    queue = queue_of(5, Interpreter(), Interpreter())
    with queue, queue:
        assert not queue.is_crowded()
        with queue:
            assert queue.is_crowded()
        assert not queue.is_crowded()


def test_each_interpreter_has_one_caller_at_a_time(threads: ThreadPoolExecutor) -> None:
    interpreters = Interpreter(), Interpreter()
    for each in interpreters:
        each.release.set()
    queue = queue_of(1000, *interpreters)
    asked = [threads.submit(ask, queue, x) for x in range(200)]
    assert [outcome(each) for each in asked] == [x + 1 for x in range(200)]


def test_both_interpreters_work_at_the_same_time(threads: ThreadPoolExecutor) -> None:
    interpreters = Interpreter(), Interpreter()
    queue = queue_of(0, *interpreters)
    asked = [threads.submit(ask, queue, x) for x in range(2)]
    until(lambda: all(each.begun.is_set() for each in interpreters))
    for each in interpreters:
        each.release.set()
    assert sorted(outcome(each) for each in asked) == [1, 2]


def test_what_nobody_waits_for_is_not_computed(threads: ThreadPoolExecutor) -> None:
    interpreter, left = Interpreter(), threading.Event()
    queue = queue_of(10, interpreter)
    first = threads.submit(ask, queue, 0)
    until(interpreter.begun.is_set)
    hurried = threads.submit(ask, queue, 1, Caller(deadline_s=0.01))
    late = threads.submit(ask, queue, 2, Caller(deadline_s=-1))
    gone = threads.submit(ask, queue, 3, Caller(is_gone=left.is_set))
    staying = threads.submit(ask, queue, 4, Caller(deadline_s=60))
    assert (outcome(hurried), outcome(late)) == (504, 504)
    left.set()
    interpreter.release.set()
    assert [outcome(first), outcome(gone), outcome(staying)] == [1, 499, 5]
    assert sorted(interpreter.computed) == [0, 4]
    assert queue._places == 11


def test_an_error_reaches_its_caller_alone() -> None:
    interpreter: Any = [lambda arrays: 1 // 0]
    metrics: Any = Metrics()
    queue = PredictionQueue(interpreter, 0, metrics)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), queue:
            queue.predict({}, PATIENT)
    assert metrics.times == []


def test_waiting_and_computing_are_told_apart(threads: ThreadPoolExecutor) -> None:
    interpreter = Interpreter()
    queue = queue_of(1, interpreter)
    metrics: Any = queue._metrics
    asked = [threads.submit(ask, queue, x) for x in range(2)]
    until(interpreter.begun.is_set)
    sleep(0.05)
    interpreter.release.set()
    for each in asked:
        outcome(each)
    (first_queue, first_compute), (second_queue, second_compute) = metrics.times
    assert first_compute > 50e6 > first_queue
    assert second_queue > 40e6 > second_compute
