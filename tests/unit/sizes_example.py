"""Hand-made artifacts and measurements."""

from __future__ import annotations

from typing import Any

from bakeoff.schema import Artifact, EdgeMeasurement, EdgeProcess, Fidelity, Model, TensorSpec

MS = 1_000_000


def model(name: str = "m", accuracy: float | None = 0.9) -> Model:
    spec = TensorSpec("x", "float32", (None, 2))
    samples = None if accuracy is None else 100
    return Model(name, "a" * 64, (spec,), (spec,), 1e-4, 0.0, accuracy=accuracy, accuracy_samples=samples)


def artifact(format: str, size: int = 1000, accuracy: float | None = 0.9, **fields: Any) -> Artifact:
    fidelity = Fidelity(0.5, 0.99, fields.pop("top1", None), 20)
    place = fields.pop("model", "m"), format, "p", size, size // 2, format
    return Artifact(*place, accuracy, 0.1, **{"parity": (), "fidelity": fidelity, **fields})


def process(p50_ms: float = 2.0, threads: int = 1, **fields: Any) -> EdgeProcess:
    figures = {"load_ns": 5 * MS, "first_ns": 4 * MS, "count": 20, "peak_bytes": 10_000, "waited": 0.0} | fields
    p50 = round(p50_ms * MS)
    return EdgeProcess(threads=threads, p10_ns=p50 // 2, p50_ns=p50, p90_ns=2 * p50, **figures)


def measured(format: str, runtime: str = "r", *processes: EdgeProcess, **fields: Any) -> EdgeMeasurement:
    known = {"runtime_bytes": 300, "dependencies_bytes": 70, "shared_objects_bytes": 200, "version": "1"} | fields
    return EdgeMeasurement(
        "m",
        format,
        known.pop("sha256", format),
        runtime,
        "2026-01-01T00:00:00+00:00",
        "a CPU",
        **known,
        processes=processes,
    )
