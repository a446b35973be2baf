"""Samples on disk: one Parquet file a trial, one row a request, unrounded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bakeoff.types import Sample

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]

SCHEMA = pa.schema(
    [
        ("intended_ns", pa.int64()),
        ("start_ns", pa.int64()),
        ("end_ns", pa.int64()),
        ("status", pa.dictionary(pa.int16(), pa.string())),
        ("request_bytes", pa.int64()),
        ("response_bytes", pa.int64()),
        ("request", pa.int32()),
        ("answer", pa.binary()),
    ]
)
META = b"bakeoff"


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a trial that counts, on the load generator's perf_counter clock."""

    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return (self.end_ns - self.start_ns) / 1e9


@dataclass(frozen=True, slots=True)
class TrialSamples:
    """A trial's rows as columns, with its window and the load generator's CPU share (percent of one CPU)."""

    window: Window
    client_cpu_percent: float
    intended_ns: Ints
    start_ns: Ints
    end_ns: Ints
    status: tuple[str, ...]
    request: Ints
    answers: tuple[tuple[int, bytes], ...]

    @property
    def ok(self) -> Bools:
        """Which rows are successes."""
        return np.array([status == "ok" for status in self.status], dtype=np.bool_)


def write_samples(path: Path, samples: Sequence[Sample], window: Window, client_cpu_percent: float) -> None:
    """Write a trial's samples atomically."""
    columns = {name: [getattr(sample, name) for sample in samples] for name in SCHEMA.names}
    meta = {"window_ns": [window.start_ns, window.end_ns], "client_cpu_percent": client_cpu_percent}
    table = pa.table(columns, schema=SCHEMA.with_metadata({META: json.dumps(meta).encode()}))
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_atomic(path, table)


def read_samples(path: Path) -> TrialSamples:
    """Read a trial's samples; raises OSError or pyarrow's ArrowInvalid on a broken file."""
    table = pq.read_table(path)
    meta = json.loads(table.schema.metadata[META])
    answers = table.column("answer").to_pylist()
    return TrialSamples(
        window=Window(*meta["window_ns"]),
        client_cpu_percent=meta["client_cpu_percent"],
        intended_ns=table.column("intended_ns").to_numpy(),
        start_ns=table.column("start_ns").to_numpy(),
        end_ns=table.column("end_ns").to_numpy(),
        status=tuple(table.column("status").to_pylist()),
        request=table.column("request").to_numpy(),
        answers=tuple((row, body) for row, body in enumerate(answers) if body is not None),
    )


def mark_wrong(path: Path, rows: Sequence[int]) -> None:
    """Set the status of these rows to "wrong"."""
    table = pq.read_table(path)
    status = table.column("status").to_pylist()
    for row in rows:
        status[row] = "wrong"
    column = pa.array(status, type=SCHEMA.field("status").type)
    _write_atomic(path, table.set_column(SCHEMA.get_field_index("status"), "status", column))


def _write_atomic(path: Path, table: pa.Table) -> None:
    temporary = path.with_suffix(".parquet.part")
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(path)
