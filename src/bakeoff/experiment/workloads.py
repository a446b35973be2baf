"""What a workload may ask for."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field

from bakeoff.errors import UsageError, require_known
from bakeoff.schema import Workload
from bakeoff.schema.metrics import shown_in, usual_judge

WorkloadT = TypeVar("WorkloadT", bound=Workload)

LONGEST_S = 86_400
MOST = 1000

Count = Annotated[int, Field(ge=1)]
WarmupS = Annotated[float, Field(ge=0, le=LONGEST_S)]
DurationS = Annotated[float, Field(ge=0.1, le=LONGEST_S)]


@dataclass(frozen=True, slots=True)
class BoundedWorkload(Workload):
    """A workload as a file may have it. The schema's own has no bounds: programs without pydantic import that."""

    concurrency: Annotated[int, Field(ge=1, le=MOST)] | None = None
    rate_rps: Annotated[float, Field(ge=0.01, le=100_000)] | None = None
    warmup_s: WarmupS = 1.0
    duration_s: DurationS = 5.0
    batch_size: Count = 1
    timeout_s: Annotated[float, Field(ge=0.001, le=LONGEST_S)] = 30.0
    max_outstanding: Annotated[int, Field(ge=1, le=MOST)] = MOST
    max_request_bytes: Count | None = None
    rounds: Count | None = None


def _unbounded(workloads: tuple[Workload, ...]) -> tuple[Workload, ...]:
    """Return the schema's own workloads, which are equal to those that results.json holds."""
    names = [field.name for field in fields(Workload)]
    return tuple(Workload(**{name: getattr(workload, name) for name in names}) for workload in workloads)


Workloads = Annotated[tuple[BoundedWorkload, ...], AfterValidator(_unbounded)]
"""A file's workloads, each within its bounds."""


def check_workloads(path: Path, workloads: tuple[Workload, ...], models: tuple[str, ...]) -> None:
    """Raise UsageError naming the file, the key and what is allowed."""
    if not workloads:
        raise UsageError(f"{path}: workloads: is empty; it takes at least one [[workloads]] table")
    names = [workload.name for workload in workloads]
    for at, workload in enumerate(workloads):
        where = f"{path}: workloads.{at}"
        if names.count(workload.name) > 1:
            raise UsageError(f"{where}.name: {workload.name!r} stands twice; names must differ")
        if not workload.name.replace("-", "").replace("_", "").isalnum():
            raise UsageError(f"{where}.name: {workload.name!r}; allowed: letters, digits, - and _")
        require_known(f"{where}.models", workload.models, set(models))
        require_known(f"{where}.judged_by", {workload.judged_by} - {""}, [row.name for row in shown_in("ratios")])
        _check_arrivals(where, workload)


def with_judges(workloads: tuple[WorkloadT, ...]) -> tuple[WorkloadT, ...]:
    """Return workloads with what each is judged by: the usual where none says so."""
    if any(workload.judged_by for workload in workloads):
        return workloads
    return tuple(replace(workload, judged_by=usual_judge(workload)) for workload in workloads)


def _check_arrivals(where: str, workload: Workload) -> None:
    """A closed loop has callers and no rate, an open loop a rate and no callers."""
    needed, other = ("concurrency", "rate_rps") if workload.arrival == "closed" else ("rate_rps", "concurrency")
    if getattr(workload, other) is not None:
        raise UsageError(f"{where}.{other}: doesn't go with {workload.arrival} arrivals, which take {needed}")
    if getattr(workload, needed) is None:
        raise UsageError(f"{where}.{needed}: is missing; {workload.arrival} arrivals take it")
