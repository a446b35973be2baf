"""What the coordinator asks of its workers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from bakeoff.schema import Endpoint, Model, Trial
from bakeoff.schema.samples import Window
from bakeoff.wire import WIRES, Request


@dataclass(frozen=True, slots=True)
class Assignment:
    """One worker's shard of a trial: all that it needs to know, so that it needs no files of the master's machine.

    `callers` are how many it runs, of which the first is number `first` of the trial's; an open loop has one a worker.
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
    def timeout_s(self) -> float:
        """How long a client waits for an answer."""
        return self.trial.workload.timeout_s

    def requests(self) -> list[Request]:
        """Return the requests that are sent in turn."""
        wire = WIRES[self.endpoint.wire]
        return [wire.request(self.model, body) for body in self.bodies]

    @property
    def window(self) -> Window:
        """The part of the trial that counts."""
        workload = self.trial.workload
        begin_s, end_s = workload.warmup_s, workload.warmup_s + workload.duration_s
        return Window(round(begin_s * 1e9), round(end_s * 1e9))


ASSIGNMENT = TypeAdapter(Assignment)
"""Turns an assignment into what Locust's messages can hold, and back."""


@dataclass(frozen=True, slots=True)
class Start:
    """When a trial begins: so long after this message, on the worker's own monotonic clock.

    Processes of the master's machine have its clock, containers too: they take the very moment, and nothing of the
    message's way is between them.
    """

    lead_s: float
    machine: str
    begin_ns: int

    @classmethod
    def soon(cls, lead_s: float) -> Start:
        """Return a start this long from now."""
        return cls(lead_s, machine(), time.perf_counter_ns() + round(lead_s * 1e9))

    def here_ns(self) -> int:
        """Return the moment on this machine's clock, just after the message came."""
        if self.machine == machine():
            return self.begin_ns
        return time.perf_counter_ns() + round(self.lead_s * 1e9)


def machine() -> str:
    """Return what tells this machine from others, the same in all of its containers."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]


def split(callers: int, workers: int) -> list[int]:
    """Return how many of the callers each worker runs, as evenly as can be."""
    return [callers // workers + (worker < callers % workers) for worker in range(workers)]
