"""TensorFlow Lite in 8-bit integers throughout, calibrated on the model's own samples; float32 at the door."""

from __future__ import annotations

from formats import _tensorflow

RUNTIME = "ai-edge-litert"
PACKAGES = _tensorflow.PACKAGES
IS_EXACT = False
MAIN_FILE = _tensorflow.TFLITE_FILE
load = _tensorflow.load_tflite
export = _tensorflow.quantize
