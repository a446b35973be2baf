"""TensorFlow Lite in float32."""

from __future__ import annotations

from functools import partial

from formats import _tensorflow

PACKAGES = _tensorflow.PACKAGES
MAIN_FILE = _tensorflow.TFLITE_FILE
export = partial(_tensorflow.export_tflite, lambda converter: None)
