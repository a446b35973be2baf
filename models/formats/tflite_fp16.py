"""TensorFlow Lite with weights stored as float16: half the size."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from formats import _tensorflow
from zoo_model import ZooModel

PACKAGES = _tensorflow.PACKAGES
MAIN_FILE = _tensorflow.TFLITE_FILE


def export(model: ZooModel, folder: Path, scratch: Path) -> None:
    def configure(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    _tensorflow.export_tflite(model, folder, scratch, configure)
