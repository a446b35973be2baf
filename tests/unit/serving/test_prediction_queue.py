"""The line in front of the TFLite server's predictions: bounded, in order, and left by who waits no more."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "serving" / "tflite"))

from prediction_queue import INLINE_NS, Caller, PredictionQueue
from request_error import RequestError

PATIENT = Caller()
SLOW_NS = 10 * INLINE_NS


class Waits:
    """Stands where the metrics do: the times in the queue."""

    def __init__(self) -> None:
        self.ns: list[int] = []

    def observe_queue(self, nanoseconds: int) -> None:
        self.ns.append(nanoseconds)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as one:
        yield one


def queue_of(pool: ThreadPoolExecutor, limit: int, predict_ns: int = SLOW_NS) -> PredictionQueue:
    metrics: Any = Waits()
    return PredictionQueue(pool, 1, limit, predict_ns, metrics)


class Held:
    """A prediction that takes as long as the test wants."""

    def __init__(self) -> None:
        self.begun, self.release = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.release.wait(10)
        return "done"


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come about")


async def outcomes(tasks: list[asyncio.Task[Any]]) -> list[object]:
    return [
        error.http_status if isinstance(error, RequestError) else error
        for error in await asyncio.gather(*tasks, return_exceptions=True)
    ]


def test_a_full_queue_refuses_at_once_and_has_room_again_afterwards(pool: ThreadPoolExecutor) -> None:
    async def main() -> None:
        queue, held = queue_of(pool, limit=2), Held()
        first = [asyncio.create_task(queue.run(held, PATIENT)) for _ in range(3)]
        await until(held.begun.is_set)
        late = asyncio.create_task(queue.run(held, PATIENT))
        assert await outcomes([late]) == [503]
        assert not any(task.done() for task in first)
        held.release.set()
        assert await outcomes(first) == ["done"] * 3
        assert await queue.run(held, PATIENT) == "done"

    asyncio.run(main())


def test_on_the_loop_itself_all_that_have_come_are_counted_before_the_first_runs(pool: ThreadPoolExecutor) -> None:
    async def main() -> list[object]:
        queue = queue_of(pool, limit=3, predict_ns=INLINE_NS // 2)
        threads: list[str] = []
        tasks = [
            asyncio.create_task(queue.run(lambda: threads.append(threading.current_thread().name), PATIENT))
            for _ in range(10)
        ]
        found = await outcomes(tasks)
        assert threads == [threading.current_thread().name] * 4
        return found

    assert asyncio.run(main()) == [None] * 4 + [503] * 6


@pytest.mark.parametrize("predict_ns", [INLINE_NS // 2, SLOW_NS])
def test_they_run_in_the_order_they_come(pool: ThreadPoolExecutor, predict_ns: int) -> None:
    async def main() -> None:
        queue, ran = queue_of(pool, 100, predict_ns), list[int]()
        await asyncio.gather(*(queue.run(lambda n=n: ran.append(n), PATIENT) for n in range(50)))  # type: ignore[misc]
        assert ran == list(range(50))

    asyncio.run(main())


def test_what_nobody_waits_for_is_not_run(pool: ThreadPoolExecutor) -> None:
    async def main() -> None:
        queue, held, ran = queue_of(pool, limit=10), Held(), list[str]()
        first = asyncio.create_task(queue.run(held, PATIENT))
        await until(held.begun.is_set)
        left = asyncio.Event()
        cancelled = asyncio.create_task(queue.run(lambda: ran.append("cancelled"), PATIENT))
        hurried = asyncio.create_task(queue.run(lambda: ran.append("hurried"), Caller(deadline_s=0.01)))
        gone = asyncio.create_task(queue.run(lambda: ran.append("gone"), Caller(gone=left.wait)))
        staying = asyncio.create_task(queue.run(lambda: ran.append("staying"), Caller(gone=asyncio.Event().wait)))
        await asyncio.sleep(0.05)
        left.set()
        cancelled.cancel()
        assert await outcomes([gone]) == [499]
        held.release.set()
        assert await outcomes([first, hurried, staying]) == ["done", 504, None]
        assert ran == ["staying"]
        assert cancelled.cancelled() and not queue._held

    asyncio.run(main())


def test_an_error_of_the_prediction_reaches_its_caller_alone(pool: ThreadPoolExecutor) -> None:
    async def main() -> None:
        queue = queue_of(pool, limit=1)
        with pytest.raises(ZeroDivisionError):
            await queue.run(lambda: 1 // 0, PATIENT)
        assert await queue.run(lambda: 7, PATIENT) == 7

    asyncio.run(main())
