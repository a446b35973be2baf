"""TensorFlow Lite in float32."""

from __future__ import annotations

from pathlib import Path

from formats import _tensorflow
from zoo_model import ZooModel

RUNTIME = "ai-edge-litert"
PACKAGES = _tensorflow.PACKAGES
IS_EXACT = True
MAIN_FILE = _tensorflow.TFLITE_FILE
load = _tensorflow.load_tflite


def export(model: ZooModel, folder: Path, scratch: Path) -> None:
    _tensorflow.export_tflite(model, folder, scratch, configure=lambda converter: None)
