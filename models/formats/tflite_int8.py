"""TensorFlow Lite in 8-bit integers throughout, calibrated on the model's own samples; float32 at the door."""

from __future__ import annotations

from formats import _tensorflow

PACKAGES = _tensorflow.PACKAGES
MAIN_FILE = _tensorflow.TFLITE_FILE
export = _tensorflow.quantize
