"""The edge-model size report: what each format weighs, and what it costs in accuracy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bakeoff.types import Artifact


@dataclass(frozen=True, slots=True)
class SizeRow:
    """One model in one format; the error is the largest absolute one against PyTorch over the golden samples."""

    model: str
    format: str
    size_bytes: int
    gzip_bytes: int
    relative_size: float
    max_abs_error: float | None
    accuracy: float | None


def size_rows(artifacts: Iterable[Artifact]) -> list[SizeRow]:
    """Return a row for each artifact, the largest of a model first; relative sizes are to its torchscript."""
    listed = list(artifacts)
    base = {a.model: a.size_bytes for a in listed if a.format == "torchscript"}
    rows = [
        SizeRow(
            a.model,
            a.format,
            a.size_bytes,
            a.gzip_bytes,
            a.size_bytes / base.get(a.model, a.size_bytes),
            max((p.max_abs_error for p in a.parity if p.max_abs_error is not None), default=None),
            a.accuracy,
        )
        for a in listed
    ]
    return sorted(rows, key=lambda row: (row.model, -row.size_bytes))
