"""TensorFlow's SavedModel, made by our own converter, as TensorFlow Serving loads it: a folder named by its version."""

from __future__ import annotations

import shutil
from pathlib import Path

import tensorflow as tf
from formats import _tensorflow
from zoo_model import Arrays, Predict, ZooModel

RUNTIME = "tensorflow"
PACKAGES = ("torch", "tensorflow-cpu", "numpy")
IS_EXACT = True
MAIN_FILE = "1"


def export(model: ZooModel, folder: Path, scratch: Path) -> None:
    shutil.copytree(_tensorflow.saved_model(model, scratch), folder / "1")


def load(model: ZooModel, folder: Path) -> Predict:
    loaded = tf.saved_model.load(str(folder / "1"))

    def predict(arrays: Arrays) -> Arrays:
        outputs = loaded.signatures[_tensorflow.SIGNATURE](
            **{name: tf.constant(array) for name, array in arrays.items()}
        )
        return {name: tensor.numpy() for name, tensor in outputs.items()}

    return predict
