"""digits_cnn's artifacts measured for real, in the environments that have the runtimes."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bakeoff.artifacts.export import ExportOptions, export_model
from bakeoff.artifacts.golden import load_artifact, load_artifacts, load_model
from bakeoff.host.files import ROOT
from bakeoff.host.machine import pins, read_text
from bakeoff.host.progress import Show
from bakeoff.report.words import optional_text
from bakeoff.schema import engines
from bakeoff.sizes import SizeRow, size_rows
from bakeoff.sizes.measuring import measure_artifacts
from bakeoff.sizes.records import load_measured

# The first test may have to make environments and to export, as on a fresh machine.
pytestmark = pytest.mark.timeout(1500)

MEASURED = ("torchscript", "tflite-fp32", "tflite-dynamic")
EVERY = [
    ("tflite-dynamic", "ai-edge-litert"),
    ("tflite-dynamic", "tflite-runtime"),
    ("tflite-fp32", "ai-edge-litert"),
    ("tflite-fp32", "tflite-runtime"),
    ("torchscript", "torch.jit"),
]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of digits_cnn's artifacts, so that no test's figures stay beside the real ones."""
    folder, failed = export_model("digits_cnn", ExportOptions(), Show())
    assert not failed
    copy = tmp_path_factory.mktemp("artifacts") / "digits_cnn"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("measured.json", ".*"))
    return copy


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "digits_cnn", ignore=shutil.ignore_patterns("measured.json")))


@pytest.fixture(scope="session")
def rows(exported: Path) -> list[SizeRow]:
    """The rows of three formats, each measured by one process for one and two threads."""
    artifacts = [artifact for artifact in load_artifacts(exported) if artifact.format in MEASURED]
    assert measure_artifacts(artifacts, Show(), exported.parent, processes=1) == []
    return size_rows([load_model(exported)], artifacts, load_measured(exported))


def test_every_format_is_measured_in_every_runtime_that_takes_it(rows: list[SizeRow]) -> None:
    assert sorted((row.format, row.runtime) for row in rows) == EVERY
    assert [row.reason for row in rows] == [None] * len(EVERY)


def test_the_figures_are_there_and_fit_together(rows: list[SizeRow]) -> None:
    for row in rows:
        for timing in (row.one_thread, row.two_threads if len(os.sched_getaffinity(0)) > 1 else row.one_thread):
            assert timing is not None
            assert 0 < timing.p10_ms <= timing.p50_ms <= timing.p90_ms and timing.count >= 20
            assert timing.load_ms > 0 and timing.first_ms > 0 and 0 <= timing.waited <= 1
        assert row.app_bytes is not None and row.size_bytes is not None and row.runtime_bytes is not None
        assert row.size_bytes < row.app_bytes < row.size_bytes + row.runtime_bytes
        assert row.runtime_version


def test_the_runtimes_are_those_that_are_pinned(rows: list[SizeRow]) -> None:
    pinned = {row.name: pins(read_text(str(ROOT / row.requirements)))[row.distribution] for row in engines.TABLE}
    for row in rows:
        assert row.runtime is not None and row.runtime_version is not None
        assert row.runtime_version.split("+")[0] == pinned[row.runtime]


def test_each_runtime_answers_as_pytorch_and_8_bits_are_less_exact(rows: list[SizeRow]) -> None:
    errors = {(row.format, row.runtime): row.runtime_max_abs_error for row in rows}
    for place, error in errors.items():
        assert error is not None
        assert (error < 1e-3) == (place[0] != "tflite-dynamic"), place


def test_the_export_knows_weights_and_fidelity(rows: list[SizeRow]) -> None:
    sizes = {row.format: row for row in rows}
    for row in rows:
        assert row.weights_bytes is not None and row.graph_bytes is not None and row.zstd_bytes is not None
        assert row.size_bytes == row.weights_bytes + row.graph_bytes
        assert row.cosine is not None and row.cosine > 0.99 and row.accuracy_loss is not None
    assert (sizes["tflite-fp32"].weights_bytes or 0) > 3 * (sizes["tflite-dynamic"].weights_bytes or 0)


def test_an_artifact_that_a_runtime_cant_load_is_a_result_with_its_words(folder: Path) -> None:
    artifact = load_artifact(folder / "tflite-fp32")
    Path(artifact.path).write_bytes(b"no model")
    assert measure_artifacts([artifact], Show(), folder.parent, processes=1) == []
    rows = size_rows([load_model(folder)], [artifact], load_measured(folder))
    assert [row.runtime for row in rows] == ["ai-edge-litert", "tflite-runtime"]
    for row in rows:
        assert row.reason and row.one_thread is None and row.pareto is None


def test_wrong_answers_have_no_timings(folder: Path) -> None:
    golden = folder / "golden.npz"
    with np.load(golden) as arrays:
        changed = {name: array + (0.5 if name.startswith("torch:") else 0) for name, array in arrays.items()}
    np.savez(golden, **changed)
    artifact = load_artifact(folder / "tflite-fp32")
    measure_artifacts([artifact], Show(), folder.parent, processes=1)
    found = load_measured(folder)
    assert len(found) == 2 and all("it answers wrongly" in optional_text(m.reason) and not m.processes for m in found)


def test_what_was_measured_of_another_artifact_is_not_shown(exported: Path, rows: list[SizeRow]) -> None:
    artifact = replace(load_artifact(exported / "tflite-fp32"), sha256="another")
    (row,) = size_rows([], [artifact], load_measured(exported))
    assert rows and row.runtime is None
