"""The rows of the size report: a model in a format, in each runtime that it was measured in."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bakeoff.schema import Artifact, EdgeMeasurement, EdgeProcess, MissingArtifact, Model, Reason
from bakeoff.sizes.pareto import pareto_set

BASE_FORMAT = "torchscript"
COUNTED = ("size_bytes", "gzip_bytes", "zstd_bytes", "weights_bytes", "sha256", "accuracy")
"""What a row has as its artifact has it."""
MEASURED = ("runtime", "runtime_bytes", "dependencies_bytes", "shared_objects_bytes", "measured_at", "cpu")
"""What a row has as its measurement has it."""
TIMES = ("load", "first", "p10", "p50", "p90")
BUSY = 0.1
"""Past this share of waiting for a CPU a latency is as much the machine's as the artifact's: no claim rests on it."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians over fresh processes with as many threads and CPUs; ms and bytes.

    `p10_ms`, `p50_ms`, `p90_ms`: of each process's steady predictions; `p50_low_ms` and `p50_high_ms`: the processes'
    lowest and highest median; `count`: the predictions of all; `waited`: the worst process's share of waiting.
    """

    load_ms: float
    first_ms: float
    p10_ms: float
    p50_ms: float
    p90_ms: float
    p50_low_ms: float
    p50_high_ms: float
    count: int
    processes: int
    peak_bytes: int | None
    waited: float


@dataclass(frozen=True, slots=True)
class SizeRow:
    """A model in a format, in one runtime where it was measured. None is always: not known, or not measured.

    `reason`: why there is no such artifact, or why this runtime gave no figures. `pareto`: no other row of the model is
    at least as good in all that is known of this one, and better in something; None without an artifact.
    """

    model: str
    format: str
    runtime: str | None = None
    reason: Reason | None = None
    pareto: bool | None = None
    size_bytes: int | None = None
    gzip_bytes: int | None = None
    zstd_bytes: int | None = None
    weights_bytes: int | None = None
    graph_bytes: int | None = None
    relative_size: float | None = None
    sha256: str | None = None
    max_abs_error: float | None = None
    cosine: float | None = None
    top1: float | None = None
    golden_samples: int | None = None
    untrained: bool | None = None
    accuracy: float | None = None
    accuracy_loss: float | None = None
    accuracy_samples: int | None = None
    runtime_version: str | None = None
    runtime_bytes: int | None = None
    dependencies_bytes: int | None = None
    shared_objects_bytes: int | None = None
    installed_bytes: int | None = None
    app_bytes: int | None = None
    runtime_max_abs_error: float | None = None
    one_thread: Timing | None = None
    two_threads: Timing | None = None
    measured_at: str | None = None
    cpu: str | None = None


def size_rows(
    models: Iterable[Model],
    artifacts: Iterable[Artifact],
    measured: Iterable[EdgeMeasurement] = (),
    missing: Iterable[MissingArtifact] = (),
) -> list[SizeRow]:
    """Return the rows by model, the smallest first, those without an artifact last; relative sizes are to torchscript.

    A measurement counts for the very artifact that it was made with, and no other.
    """
    described = {model.name: model for model in models}
    listed = list(artifacts)
    base = {a.model: a.size_bytes for a in listed if a.format == BASE_FORMAT}
    found: dict[tuple[str, str, str], list[EdgeMeasurement]] = {}
    for m in measured:
        found.setdefault((m.model, m.format, m.sha256), []).append(m)
    rows = []
    for a in listed:
        row = _artifact_row(a, described.get(a.model), base.get(a.model))
        runs = found.get((a.model, a.format, a.sha256), [])
        rows += [_measured_row(row, m) for m in runs] or [row]
    there = {(a.model, a.format) for a in listed}
    rows += [SizeRow(m.model, m.format, reason=m.reason) for m in missing if (m.model, m.format) not in there]
    rows.sort(key=lambda row: (row.model, row.size_bytes is None, row.size_bytes or 0, row.format, row.runtime or ""))
    return _marked(rows)


def _artifact_row(a: Artifact, model: Model | None, base: int | None) -> SizeRow:
    reference = model.accuracy if model else None
    fidelity = a.fidelity
    parity = max((p.max_abs_error for p in a.parity if p.max_abs_error is not None), default=None)
    error = fidelity.max_abs_error if fidelity else parity
    broken = error is not None and not math.isfinite(error)
    return SizeRow(
        a.model,
        a.format,
        reason=Reason("golden_not_finite") if broken else None,
        **{name: getattr(a, name) for name in COUNTED},
        graph_bytes=None if a.weights_bytes is None else a.size_bytes - a.weights_bytes,
        relative_size=a.size_bytes / base if base else None,
        max_abs_error=None if broken else error,
        cosine=fidelity.cosine if fidelity else None,
        top1=fidelity.top1 if fidelity else None,
        golden_samples=fidelity.samples if fidelity else None,
        untrained=model.untrained if model else None,
        accuracy_loss=None if reference is None or a.accuracy is None else reference - a.accuracy,
        accuracy_samples=model.accuracy_samples if model and a.accuracy is not None else None,
    )


def _measured_row(row: SizeRow, m: EdgeMeasurement) -> SizeRow:
    return replace(
        row,
        **{name: getattr(m, name) for name in MEASURED},
        reason=m.reason or row.reason,
        runtime_version=m.version,
        installed_bytes=_sum(m.runtime_bytes, m.dependencies_bytes, row.size_bytes),
        app_bytes=_sum(m.shared_objects_bytes, row.size_bytes),
        runtime_max_abs_error=m.max_abs_error,
        one_thread=_timing([p for p in m.processes if p.threads == 1]),
        two_threads=_timing([p for p in m.processes if p.threads == 2]),
    )


def _sum(*parts: int | None) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _timing(processes: Sequence[EdgeProcess]) -> Timing | None:
    if not processes:
        return None
    medians = [p.p50_ns / 1e6 for p in processes]
    peaks = [p.peak_bytes for p in processes if p.peak_bytes is not None]
    return Timing(
        **{f"{name}_ms": statistics.median(getattr(p, f"{name}_ns") for p in processes) / 1e6 for name in TIMES},
        p50_low_ms=min(medians),
        p50_high_ms=max(medians),
        count=sum(p.count for p in processes),
        processes=len(processes),
        peak_bytes=round(statistics.median(peaks)) if peaks else None,
        waited=max(p.waited for p in processes),
    )


def _marked(rows: list[SizeRow]) -> list[SizeRow]:
    """Mark the Pareto set of each model among the rows that have an artifact and no reason against it."""
    best: set[int] = set()
    for model in {row.model for row in rows}:
        at = [i for i, row in enumerate(rows) if row.model == model and row.reason is None]
        kind = quality_kind([rows[i] for i in at])
        points = [axes(rows[i], kind) for i in at]
        best |= {at[i] for i in pareto_set(points)}
    return [row if row.reason is not None else replace(row, pareto=i in best) for i, row in enumerate(rows)]


def quality_kind(rows: Iterable[SizeRow]) -> str:
    """Return what the answers of a model are judged by: accuracy, else top1, else max_abs_error."""
    listed = list(rows)
    for kind in ("accuracy", "top1"):
        if any(getattr(row, kind) is not None for row in listed):
            return kind
    return "max_abs_error"


def axes(row: SizeRow, kind: str) -> tuple[float | None, float | None, float | None]:
    """Return size, undisturbed latency at one thread and quality, less being better in each; None: not known."""
    value: float | None = getattr(row, kind)
    quality = value if value is None or kind == "max_abs_error" else -value
    latency = calm_timing(row)
    return row.size_bytes, latency.p50_ms if latency else None, quality


def calm_timing(row: SizeRow) -> Timing | None:
    """Return what one thread took; None where it wasn't measured or had to wait for its CPU too much."""
    return row.one_thread if row.one_thread and row.one_thread.waited <= BUSY else None
