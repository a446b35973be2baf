"""What a workload may ask for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bakeoff.errors import UsageError, one_of
from bakeoff.schema import Workload
from bakeoff.schema.metrics import shown_in, usual_judge

LONGEST_S = 86_400
FASTEST_RPS = 100_000
MOST = 1000


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
        for name in workload.models:
            if name not in models:
                raise UsageError(f"{where}.models: {name!r} is unknown; allowed: {one_of(models)}")
        _check_judge(where, workload.judged_by)
        if workload.batch_size < 1:
            raise UsageError(f"{where}.batch_size: is {workload.batch_size}; allowed: 1 or more")
        for key in ("max_request_bytes", "rounds"):
            value = getattr(workload, key)
            if value is not None and value < 1:
                raise UsageError(f"{where}.{key}: is {value}; allowed: 1 or more")
        _check_arrivals(where, workload)
        check_times(where, workload.duration_s, workload.warmup_s, workload.timeout_s)


def with_judges(workloads: tuple[Workload, ...]) -> tuple[Workload, ...]:
    """Return workloads with what each is judged by: the usual where none says so."""
    if any(workload.judged_by for workload in workloads):
        return workloads
    return tuple(replace(workload, judged_by=usual_judge(workload)) for workload in workloads)


def check_times(where: str, duration_s: float, warmup_s: float, timeout_s: float = 1.0) -> None:
    """Raise UsageError for a time that is out of bounds."""
    for key, seconds, least in (
        ("duration_s", duration_s, 0.1),
        ("warmup_s", warmup_s, 0.0),
        ("timeout_s", timeout_s, 0.001),
    ):
        if not least <= seconds <= LONGEST_S:  # which NaN isn't
            raise UsageError(f"{where}.{key}: is {seconds}; allowed: {least:g} to {LONGEST_S:,} seconds")


def _check_judge(where: str, name: str) -> None:
    judges = [row.name for row in shown_in("ratios")]
    if name and name not in judges:
        raise UsageError(f"{where}.judged_by: {name!r} is unknown; allowed: {one_of(judges)}")


def _check_arrivals(where: str, workload: Workload) -> None:
    """A closed loop has callers and no rate, an open loop a rate and no callers."""
    closed = workload.arrival == "closed"
    needed, other = ("concurrency", "rate_rps") if closed else ("rate_rps", "concurrency")
    if getattr(workload, other) is not None:
        raise UsageError(f"{where}.{other}: doesn't go with {workload.arrival} arrivals, which take {needed}")
    if closed and not (workload.concurrency and 1 <= workload.concurrency <= MOST):
        raise UsageError(f"{where}.concurrency: is {workload.concurrency}; allowed: 1 to {MOST}")
    if not closed and not (workload.rate_rps and 0.01 <= workload.rate_rps <= FASTEST_RPS):
        raise UsageError(f"{where}.rate_rps: is {workload.rate_rps}; allowed: 0.01 to {FASTEST_RPS:,}")
    if not 1 <= workload.max_outstanding <= MOST:
        raise UsageError(f"{where}.max_outstanding: is {workload.max_outstanding}; allowed: 1 to {MOST}")
