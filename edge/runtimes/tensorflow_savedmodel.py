"""A SavedModel in TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read while TensorFlow is imported

import tensorflow as tf  # noqa: E402

REFUSALS = (tf.errors.OpError,)

Arrays = dict[str, np.ndarray]


def load(artifact: Path, example: Arrays, outputs: list[str], threads: int) -> Callable[[Arrays], Arrays]:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    loaded = tf.saved_model.load(str(artifact))
    signature = loaded.signatures["serving_default"]

    def predict(arrays: Arrays, loaded: object = loaded) -> Arrays:  # kept: a signature refers to it only weakly
        found = signature(**{name: tf.constant(array) for name, array in arrays.items()})
        return {name: found[name].numpy() for name in outputs}

    return predict
