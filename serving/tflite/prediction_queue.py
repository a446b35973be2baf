"""Where predictions wait for a thread: a bounded line, refused at once when it is full."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from request_error import caller_gone, deadline_exceeded, overloaded

if TYPE_CHECKING:
    from server_metrics import ServerMetrics

T = TypeVar("T")

INLINE_NS = 200_000
"""A prediction that is quicker runs on the event loop: handing it to a thread and back takes about as long itself."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who waits for a prediction: until when, in s from now, and what returns once nobody waits any more."""

    deadline_s: float | None = None
    gone: Callable[[], Awaitable[object]] | None = None


class PredictionQueue:
    """Runs predictions in the order they come, `workers` of them at a time, while at most `limit` wait.

    For one event loop. With one worker and predictions quicker than INLINE_NS they run on the loop itself, else in the
    pool. What nobody waits for any more, since the caller is gone, its task cancelled or its deadline over, is not run.
    """

    def __init__(self, pool: Executor, workers: int, limit: int, predict_ns: int, metrics: ServerMetrics) -> None:
        self._pool = pool
        self._workers = workers
        self._limit = limit
        self.inline = workers == 1 and predict_ns < INLINE_NS
        self._metrics = metrics
        self._held = 0

    async def run(self, work: Callable[[], T], caller: Caller) -> T:
        """Return what `work` returns; raises RequestError where too many wait already or the caller waits no more."""
        if self._held >= self._workers + self._limit:
            raise overloaded(self._limit)
        must_wait = self._held >= self._workers
        self._held += 1
        try:
            if must_wait and caller.gone is not None:
                return await self._run_watched(self._timed(work, caller), caller.gone)
            return await self._run(self._timed(work, caller))
        finally:
            self._held -= 1  # of one that was cancelled while it ran, a little early

    async def _run(self, work: Callable[[], T]) -> T:
        if self.inline:
            await asyncio.sleep(0)  # all that have come are counted before the first of them runs
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def _run_watched(self, work: Callable[[], T], gone: Callable[[], Awaitable[object]]) -> T:
        running = asyncio.ensure_future(self._run(work))
        watch = asyncio.ensure_future(gone())
        watch.add_done_callback(lambda _: running.cancel())
        try:
            return await running
        except asyncio.CancelledError:
            if watch.done() and not watch.cancelled():
                raise caller_gone() from None
            running.cancel()
            raise
        finally:
            watch.cancel()

    def _timed(self, work: Callable[[], T], caller: Caller) -> Callable[[], T]:
        came_ns = time.perf_counter_ns()
        latest_ns = None if caller.deadline_s is None else came_ns + caller.deadline_s * 1e9

        def timed() -> T:
            now_ns = time.perf_counter_ns()
            if latest_ns is not None and now_ns > latest_ns:
                raise deadline_exceeded()
            self._metrics.observe_queue(now_ns - came_ns)
            return work()

        return timed
