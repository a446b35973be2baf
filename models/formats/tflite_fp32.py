"""TensorFlow Lite in float32."""

from __future__ import annotations

from pathlib import Path

from formats import _tensorflow
from zoo_model import ZooModel

PACKAGES = _tensorflow.PACKAGES
MAIN_FILE = _tensorflow.TFLITE_FILE


def export(model: ZooModel, folder: Path, scratch: Path) -> None:
    _tensorflow.export_tflite(model, folder, scratch, configure=lambda converter: None)
