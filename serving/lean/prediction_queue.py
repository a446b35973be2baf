"""Where requests wait for an interpreter: a bounded line, refused at once when it is full."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
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

    A request holds a place in the line (`with queue:`) while it is decoded, waits for an interpreter, is computed and
    encoded; where there is no place it is refused. What nobody waits for any more at its turn is not computed.
    """

    def __init__(self, predictors: Sequence[Predict], limit: int, metrics: ServerMetrics) -> None:
        self._free: SimpleQueue[Predict] = SimpleQueue()
        for predictor in predictors:
            self._free.put(predictor)
        self.limit = limit
        self._places = len(predictors) + limit
        self._crowd = limit  # fewer places are free when somebody has to wait
        self._lock = threading.Lock()
        self._metrics = metrics

    def __enter__(self) -> None:
        """Take a place; raises RequestError where too many wait already."""
        with self._lock:
            if not self._places:
                raise overloaded(self.limit)
            self._places -= 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._places += 1

    @property
    def free_places(self) -> int:
        return self._places

    def is_crowded(self) -> bool:
        """Say whether more hold a place than there are interpreters."""
        return self._places < self._crowd

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
