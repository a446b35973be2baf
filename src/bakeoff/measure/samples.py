"""Samples on disk: one Parquet file a trial, one row a request, unrounded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bakeoff.schema import Reason, Sample, Watch, quoted
from bakeoff.schema.samples import Ints, TrialSamples, Window

SCHEMA = pa.schema(
    [
        ("intended_ns", pa.int64()),
        ("start_ns", pa.int64()),
        ("end_ns", pa.int64()),
        ("status", pa.dictionary(pa.int32(), pa.string())),
        ("request_bytes", pa.int64()),
        ("response_bytes", pa.int64()),
        ("request", pa.int32()),
        ("answer", pa.dictionary(pa.int32(), pa.large_binary())),
        ("connects", pa.int32()),
    ]
)
META = b"bakeoff"
DICTIONARY_BYTES = 1 << 30
"""So that Parquet never gives up its dictionary, and writes each distinct answer once."""


def table_of(samples: Sequence[Sample], answers: Sequence[bytes]) -> pa.Table:
    """Return samples as a table; their `answer` numbers the distinct answers."""
    columns = {name: [getattr(sample, name) for sample in samples] for name in SCHEMA.names if name != "answer"}
    numbers = pa.array([sample.answer for sample in samples], pa.int32())
    columns["answer"] = pa.DictionaryArray.from_arrays(numbers, pa.array(answers, pa.large_binary()))
    return pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA)


def dump_table(table: pa.Table) -> bytes:
    """Return a table as bytes, for the way from a worker to its master."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def load_table(content: bytes) -> pa.Table:
    """Return the table that dump_table wrote."""
    with pa.ipc.open_stream(content) as reader:
        return reader.read_all()


def join_tables(tables: Iterable[pa.Table]) -> pa.Table:
    """Return the rows of all workers as one table, in the order of their intended starts."""
    joined = pa.concat_tables([SCHEMA.empty_table(), *tables]).unify_dictionaries().combine_chunks()
    return joined.sort_by([("intended_ns", "ascending"), ("start_ns", "ascending")])


def write_samples(
    path: Path, table: pa.Table, window: Window, watches: Sequence[Watch], lost: Sequence[Reason] = ()
) -> None:
    """Write a trial's samples atomically."""
    meta = {
        "window_ns": [window.start_ns, window.end_ns],
        "watches": [asdict(watch) for watch in watches],
        "lost": [asdict(reason) for reason in lost],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_atomic(path, table.replace_schema_metadata({META: json.dumps(meta).encode()}))


def read_samples(path: Path) -> TrialSamples:
    """Read a trial's samples; raises OSError or pyarrow's ArrowInvalid on a broken file.

    Column by column, and only what is used: a whole table takes more than three times the memory of its columns.
    """
    file = pq.ParquetFile(path)
    meta = json.loads(file.schema_arrow.metadata[META])
    status, statuses = _decoded(file, "status")
    answer, answers = _decoded(file, "answer")
    return TrialSamples(
        window=Window(*meta["window_ns"]),
        watches=tuple(Watch(**watch) for watch in meta["watches"]),
        lost=tuple(_reason_of(said) for said in meta["lost"]),
        status=status,
        statuses=tuple(statuses),
        answer=answer,
        answers=tuple(answers),
        **{
            name: _column(file, name).to_numpy()
            for name in ("intended_ns", "start_ns", "end_ns", "request", "connects")
        },
    )


def _reason_of(said: Any) -> Reason:
    """Return what is lost; files of schema 1 hold a line of text."""
    return quoted(said) if isinstance(said, str) else Reason(said["code"], dict(said["values"]))


def mark_wrong(path: Path, rows: Sequence[int]) -> None:
    """Set the status of these rows to "wrong"."""
    table = pq.read_table(path)
    status = table.column("status").to_pylist()
    for row in rows:
        status[row] = "wrong"
    column = pa.array(status, type=SCHEMA.field("status").type)
    _write_atomic(path, table.set_column(SCHEMA.get_field_index("status"), "status", column))


def _column(file: pq.ParquetFile, name: str) -> pa.ChunkedArray:
    return file.read(columns=[name], use_threads=False).column(name)


def _decoded(file: pq.ParquetFile, name: str) -> tuple[Ints, list[Any]]:
    """Return a dictionary column as indices, -1 for null, and what they stand for."""
    column = _column(file, name).unify_dictionaries().combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        if column.num_chunks == 0:
            return np.empty(0, np.int64), []
        column = column.chunk(0)
    return column.indices.fill_null(-1).to_numpy(zero_copy_only=False), column.dictionary.to_pylist()


def _write_atomic(path: Path, table: pa.Table) -> None:
    temporary = path.with_suffix(".parquet.part")
    pq.write_table(table, temporary, compression="zstd", dictionary_pagesize_limit=DICTIONARY_BYTES)
    temporary.replace(path)
