"""TensorFlow Lite in 8-bit integers throughout, calibrated on the model's own samples; float32 at the door."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from formats import _tensorflow
from zoo_model import ZooModel

RUNTIME = "ai-edge-litert"
PACKAGES = _tensorflow.PACKAGES
IS_EXACT = False
MAIN_FILE = _tensorflow.TFLITE_FILE
load = _tensorflow.load_tflite


def export(model: ZooModel, folder: Path, scratch: Path) -> None:
    def configure(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _tensorflow.calibration(model)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]

    _tensorflow.export_tflite(model, folder, scratch, configure)
