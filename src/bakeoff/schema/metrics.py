"""The table of metrics: how each is taken from a measurement, where it is shown, and where it gets a verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from bakeoff.schema.measurement import Measurement
from bakeoff.schema.workload import Workload

Place = Literal["ratios", "table", "single", "first", "tensorboard"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A row.

    `of`: None where a measurement doesn't have it. `label`: as headings write it before the unit. `column`: in
    results.csv, empty where it has none; `says`: the column's row in docs/results.md. `shown`: as a ratio to the
    reference, for each workload in the table of results ("single": where one caller waits; "first": for the first
    workload alone), in TensorBoard. `judged_at`: the callers of the closed workload that is judged by it where no
    workload says what it is judged by.
    """

    name: str
    unit: str
    better: Literal["less", "more"]
    of: Callable[[Measurement], float | None]
    label: str
    column: str
    says: str
    shown: frozenset[Place] = frozenset()
    judged_at: int | None = None

    @property
    def title(self) -> str:
        """What sentences call it."""
        return self.label or self.name

    @property
    def heading(self) -> str:
        """What heads its columns."""
        return f"{self.label} {self.unit}".strip()

    @property
    def quantity(self) -> str:
        """What stands behind its figures."""
        return f"{self.unit} {self.label}".strip()


WIDELY: frozenset[Place] = frozenset({"ratios", "table", "tensorboard"})
SINGLE: frozenset[Place] = frozenset({"ratios", "single", "tensorboard"})
METRICS = (
    Metric("mean", "ms", "less", attrgetter("latency_ms.mean"), "mean", "mean_ms", "mean [latency](#latency)"),
    Metric("p50", "ms", "less", attrgetter("latency_ms.p50"), "p50", "p50_ms", "median", WIDELY, judged_at=1),
    Metric("p90", "ms", "less", attrgetter("latency_ms.p90"), "p90", "p90_ms", "90%", SINGLE),
    Metric("p95", "ms", "less", attrgetter("latency_ms.p95"), "p95", "p95_ms", "95%"),
    Metric("p99", "ms", "less", attrgetter("latency_ms.p99"), "p99", "p99_ms", "99%", WIDELY),
    Metric("p999", "ms", "less", attrgetter("latency_ms.p999"), "p99.9", "p999_ms", "99.9%"),
    Metric("max", "ms", "less", attrgetter("latency_ms.max"), "max", "max_ms", "the slowest"),
    Metric(
        *("throughput", "req/s", "more", attrgetter("throughput_rps"), "", "throughput_rps", "successes"),
        shown=WIDELY,
        judged_at=8,
    ),
    Metric(
        *("server_cpu", "ms/req", "less", attrgetter("server_cpu_ms_per_request"), "CPU", "", ""),
        shown=frozenset({"first", "tensorboard"}),
    ),
)


def row_of(name: str) -> Metric:
    """Return a row by its name; raises KeyError."""
    return {row.name: row for row in METRICS}[name]


def shown_in(*places: Place) -> list[Metric]:
    """Return the rows that are shown in any of these places, in order."""
    return [row for row in METRICS if row.shown & set(places)]


def written() -> list[Metric]:
    """Return the rows with a column in results.csv, in order."""
    return [row for row in METRICS if row.column]


def judged_usually() -> list[Metric]:
    """Return the rows that workloads are judged by where none says what it is judged by."""
    return [row for row in METRICS if row.judged_at is not None]


def usual_judge(of: Workload | Measurement) -> str:
    """Return the metric that a workload is judged by where none of its run says so; empty: it is not judged."""
    if of.arrival != "closed" or of.batch_size != 1:
        return ""
    return next((row.name for row in judged_usually() if row.judged_at == of.concurrency), "")
