"""Samples survive the way from a worker and the disk unrounded, and each distinct answer is kept once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bakeoff.measure.samples import (
    dump_table,
    join_tables,
    load_table,
    mark_wrong,
    read_samples,
    table_of,
    write_samples,
)
from bakeoff.schema import Reason, Sample, Watch
from bakeoff.schema.samples import Window

WATCH = Watch(0, "here 1", 1, 12.5, 3.0, 0)
LOST = Reason("load_worker_ended", {"worker": 2, "workers": 2})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rows = [
        Sample(10**18 + 4, 10**18 + 5, 10**18 + 6, "grpc_8", 100, 0, 1, None, 1),
        Sample(10**18 + 1, 10**18 + 2, 10**18 + 3, "ok", 100, 40, 0, 0, 0),
    ]
    path = tmp_path / "samples" / "a.parquet"
    write_samples(path, join_tables([table_of(rows, [b"answer"])]), Window(5, 2_000_000_005), [WATCH], [LOST])
    return path


def test_every_nanosecond_comes_back_in_the_order_of_intended_starts(path: Path) -> None:
    samples = read_samples(path)
    assert samples.intended_ns.tolist() == [10**18 + 1, 10**18 + 4]
    assert samples.end_ns.tolist() == [10**18 + 3, 10**18 + 6]
    assert [samples.statuses[code] for code in samples.status] == ["ok", "grpc_8"]
    assert samples.ok.tolist() == [True, False]
    assert (samples.answer.tolist(), samples.answers) == ([0, -1], (b"answer",))
    assert samples.connects.tolist() == [0, 1]
    assert samples.window.seconds == 2.0
    assert samples.watches == (WATCH,) and samples.lost == (LOST,)
    assert [p.name for p in path.parent.iterdir()] == ["a.parquet"]


def test_a_wrong_answer_is_no_success(path: Path) -> None:
    mark_wrong(path, [0])
    samples = read_samples(path)
    assert samples.having("wrong").tolist() == [True, False]
    assert not samples.ok.any()
    assert samples.window.seconds == 2.0 and samples.answers == (b"answer",)


def test_workers_rows_are_joined_with_their_own_answers(tmp_path: Path) -> None:
    large = [os.urandom(100_000) for _ in range(8)]
    one = [Sample(2 * i, 0, 1, "ok", 1, 1, 0, i % 8, 0) for i in range(500)]
    two = [Sample(2 * i + 1, 0, 1, "http_500", 1, 1, 0, 0, 0) for i in range(500)]
    tables = [load_table(dump_table(table)) for table in (table_of(one, large), table_of(two, [b"other"]))]
    write_samples(tmp_path / "a.parquet", join_tables(tables), Window(0, 1), [])
    samples = read_samples(tmp_path / "a.parquet")
    assert samples.intended_ns.tolist() == list(range(1000))
    assert samples.ok.tolist() == [True, False] * 500
    assert [samples.answers[at] for at in samples.answer[:4]] == [large[0], b"other", large[1], b"other"]
    assert (tmp_path / "a.parquet").stat().st_size < 2 * 8 * 100_000


def test_a_trial_without_any_row_can_be_read(tmp_path: Path) -> None:
    write_samples(tmp_path / "a.parquet", join_tables([]), Window(0, 1), [], [LOST])
    samples = read_samples(tmp_path / "a.parquet")
    assert len(samples.intended_ns) == len(samples.ok) == 0 and samples.lost == (LOST,)
