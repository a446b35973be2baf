"""A SavedModel's default signature in TensorFlow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read while TensorFlow is imported

import tensorflow as tf  # noqa: E402

if TYPE_CHECKING:
    from bakeoff.schema import Model
    from engines.engine import Arrays, Predictor

REFUSALS = (tf.errors.OpError, OSError, ValueError, TypeError)
SIGNATURE = "serving_default"


def load(artifact: Path, model: Model, threads: int) -> Predictor:
    """Load a SavedModel; RuntimeError where the process has computed with another number of threads already."""
    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    loaded = tf.saved_model.load(str(artifact))
    if SIGNATURE not in loaded.signatures:
        raise ValueError(f"the SavedModel has no signature {SIGNATURE}; export it again")
    signature = loaded.signatures[SIGNATURE]
    outputs = [spec.name for spec in model.outputs]
    inputs = {spec.name: tf.dtypes.as_dtype(spec.dtype) for spec in model.inputs}

    def predict(arrays: Arrays, loaded: object = loaded) -> Arrays:  # kept: a signature refers to it only weakly
        found = signature(**{name: tf.constant(arrays[name], dtype) for name, dtype in inputs.items()})
        return {name: found[name].numpy() for name in outputs}

    return predict
