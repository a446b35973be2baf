"""What a master asks of its workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from bakeoff.samples import Window
from bakeoff.types import Endpoint, Model, Trial
from bakeoff.wire import WIRES


@dataclass(frozen=True, slots=True)
class Order:
    """One worker's part of a trial: all that it needs to know, so that it needs no files of the master's machine.

    `callers` are how many it plays, of which the first is number `first` of the trial's; an open loop has one a worker.
    """

    trial: Trial
    endpoint: Endpoint
    model: Model
    bodies: tuple[bytes, ...]
    worker: int
    workers: int
    callers: int
    first: int

    @property
    def address(self) -> tuple[Any, ...]:
        """What a client of the endpoint is made of."""
        endpoint, model = self.endpoint, self.model
        timeout_s = self.trial.workload.timeout_s
        return endpoint.host, endpoint.port, WIRES[endpoint.wire], model.name, model.inputs, timeout_s

    @property
    def window(self) -> Window:
        """The part of the trial that counts."""
        workload = self.trial.workload
        begin_s, end_s = workload.warmup_s, workload.warmup_s + workload.duration_s
        return Window(round(begin_s * 1e9), round(end_s * 1e9))


ORDER = TypeAdapter(Order)
"""Turns an order into what Locust's messages can hold, and back."""


def split(callers: int, workers: int) -> list[int]:
    """Return how many of the callers each worker plays, as evenly as can be."""
    return [callers // workers + (worker < callers % workers) for worker in range(workers)]
