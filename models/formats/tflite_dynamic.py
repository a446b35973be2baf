"""TensorFlow Lite with 8-bit weights and dynamic range: activations are quantised while the model runs."""

from __future__ import annotations

from functools import partial

import tensorflow as tf
from formats import _tensorflow

PACKAGES = _tensorflow.PACKAGES
MAIN_FILE = _tensorflow.TFLITE_FILE


def configure(converter: tf.lite.TFLiteConverter) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    # One scale for a dense layer's weights: with one a channel tflite-runtime 2.14 can't load the file.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True


export = partial(_tensorflow.export_tflite, configure)
