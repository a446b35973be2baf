"""TensorFlow Lite with weights stored as float16: half the size."""

from __future__ import annotations

from functools import partial

import tensorflow as tf
from formats import _tensorflow

PACKAGES = _tensorflow.PACKAGES
MAIN_FILE = _tensorflow.TFLITE_FILE


def configure(converter: tf.lite.TFLiteConverter) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


export = partial(_tensorflow.export_tflite, configure)
