"""A trial's samples as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bakeoff.schema.reasons import Reason
from bakeoff.schema.slice import Watch

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a trial that counts, in ns from its begin: the time after the warm-up."""

    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return (self.end_ns - self.start_ns) / 1e9


@dataclass(frozen=True, slots=True)
class TrialSamples:
    """A trial's rows as columns, with what else is known of the trial.

    `status` holds indices into `statuses`. `answer` holds indices into `answers`, the distinct answers, and -1 where
    the answer was not kept. `lost` says which parts of the trial are missing.
    """

    window: Window
    watches: tuple[Watch, ...]
    lost: tuple[Reason, ...]
    intended_ns: Ints
    start_ns: Ints
    end_ns: Ints
    status: Ints
    statuses: tuple[str, ...]
    request: Ints
    connects: Ints
    answer: Ints
    answers: tuple[bytes, ...]

    @property
    def ok(self) -> Bools:
        """Which rows are successes."""
        return self.having("ok")

    def having(self, status: str) -> Bools:
        """Return which rows have a status."""
        known = self.statuses.index(status) if status in self.statuses else -1
        rows: Bools = self.status == known
        return rows

    @property
    def mean_service_ms(self) -> float | None:
        """The mean service time of all requests, warm-up included; None without any, or where one failed."""
        return float((self.end_ns - self.start_ns).mean()) / 1e6 if len(self.status) and self.ok.all() else None
