"""The report's event files, written by bakeoff's environment, as TensorBoard's own reader finds them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

ROOT = Path(__file__).resolve().parents[3]
TESTS = ROOT / "tests" / "unit"


def test_tensorboard_reads_scalars_and_charts(tmp_path: Path) -> None:
    python = ROOT / ".venv" / "bin" / "python"
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{ROOT / 'src'}"}
    subprocess.run([str(python), str(TESTS / "tensorboard_run.py"), str(tmp_path)], check=True, env=environment)
    endpoint = event_accumulator.EventAccumulator(
        str(tmp_path / "tensorboard" / "digits_cnn" / "lean-tflite-grpc")
    ).Reload()
    assert [(e.step, e.value) for e in endpoint.Scalars("c1/p50 ms")] == [(0, 0.5), (1, 0.25), (2, 0.75)]
    assert "c1/p99 ms" not in endpoint.Tags()["scalars"]
    charts = event_accumulator.EventAccumulator(str(tmp_path / "tensorboard" / "charts")).Reload()
    (image,) = charts.Images("digits_cnn-latency")
    assert image.encoded_image_string.startswith(b"\x89PNG") and (image.width, image.height) == (180, 120)
