"""What is asked of an endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bakeoff.schema.names import STRICT, Arrival


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked of an endpoint, and for how long.

    A closed loop has a concurrency, constant and poisson arrivals a rate. `max_outstanding` is how many requests of an
    open loop may wait for their answers at once; a trial that needs more is invalid. `models` are those it is for, all
    where it names none; it is not for endpoints whose requests are larger than `max_request_bytes`, and only in the
    first `rounds`. `judged_by` names the metric whose ratios get verdicts; where it is empty none do. `seed` draws the
    schedule; a run gives each round its own.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    name: str
    arrival: Arrival
    concurrency: int | None = None
    rate_rps: float | None = None
    warmup_s: float = 1.0
    duration_s: float = 5.0
    batch_size: int = 1
    timeout_s: float = 30.0
    max_outstanding: int = 1000
    max_request_bytes: int | None = None
    rounds: int | None = None
    models: tuple[str, ...] = ()
    judged_by: str = ""
    seed: int = 0
