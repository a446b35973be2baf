"""Samples survive the disk unrounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from bakeoff.samples import Window, mark_wrong, read_samples, write_samples
from bakeoff.types import Sample


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rows = [
        Sample(10**18 + 1, 10**18 + 2, 10**18 + 3, "ok", 100, 40, 0, b"answer"),
        Sample(10**18 + 4, 10**18 + 5, 10**18 + 6, "grpc_8", 100, 0, 1, None),
    ]
    path = tmp_path / "samples" / "a.parquet"
    write_samples(path, rows, Window(5, 2_000_000_005), 12.5)
    return path


def test_every_nanosecond_comes_back(path: Path) -> None:
    samples = read_samples(path)
    assert samples.intended_ns.tolist() == [10**18 + 1, 10**18 + 4]
    assert samples.end_ns.tolist() == [10**18 + 3, 10**18 + 6]
    assert samples.status == ("ok", "grpc_8")
    assert samples.answers == ((0, b"answer"),)
    assert samples.window.seconds == 2.0
    assert samples.client_cpu_percent == 12.5
    assert [p.name for p in path.parent.iterdir()] == ["a.parquet"]


def test_a_wrong_answer_is_no_success(path: Path) -> None:
    mark_wrong(path, [0])
    samples = read_samples(path)
    assert samples.status == ("wrong", "grpc_8")
    assert not samples.ok.any()
    assert samples.window.seconds == 2.0
