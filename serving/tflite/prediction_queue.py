"""Where requests wait for an interpreter: a bounded line, refused at once when it is full."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from request_error import caller_gone, deadline_exceeded, overloaded

if TYPE_CHECKING:
    from server_metrics import ServerMetrics

    from bakeoff.wire.tensors import Arrays

Predict = Callable[["Arrays"], "Arrays"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who waits for an answer: until when, in s from the request's arrival, and whether nobody waits any more."""

    deadline_s: float | None = None
    is_gone: Callable[[], bool] = bool  # never


class PredictionQueue:
    """Lends out interpreters, one prediction each, while at most `limit` requests wait; safe from any thread.

    A request takes a place first and is refused where there is none. Then it is decoded, which may take a while, and
    waits for an interpreter. What nobody waits for any more by then is not computed.
    """

    def __init__(self, predictors: Sequence[Predict], limit: int, metrics: ServerMetrics) -> None:
        self._free: SimpleQueue[Predict] = SimpleQueue()
        for predictor in predictors:
            self._free.put(predictor)
        self._limit = limit
        self._places = threading.Semaphore(len(predictors) + limit)
        self._metrics = metrics

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place in the line; raises RequestError where too many wait already."""
        if not self._places.acquire(blocking=False):
            raise overloaded(self._limit)
        try:
            yield
        finally:
            self._places.release()

    def predict(self, arrays: Arrays, caller: Caller) -> Arrays:
        """Return the model's outputs; raises RequestError where the caller waits no more, or as the model does."""
        came_ns = time.perf_counter_ns()
        try:
            predictor = self._free.get(timeout=None if caller.deadline_s is None else max(caller.deadline_s, 0))
        except Empty:
            raise deadline_exceeded() from None
        try:
            if caller.is_gone():
                raise caller_gone()
            start_ns = time.perf_counter_ns()
            outputs = predictor(arrays)
            self._metrics.observe(start_ns - came_ns, time.perf_counter_ns() - start_ns)
            return outputs
        finally:
            self._free.put(predictor)
