"""What the TensorFlow formats share: the converted model as a SavedModel, made once, and TensorFlow Lite on top."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from aten_to_tf.convert import Input, convert
from aten_to_tf.errors import ConversionError
from tensorflow.lite.python.convert import ConverterError
from zoo_model import Arrays, Predict, ZooModel

SIGNATURE = "serving_default"
CALIBRATION_SAMPLES = 100
CALIBRATION_SEED = 1_000_003  # far from the golden samples' seed: a format must not be tuned to what it is checked with
PACKAGES = ("torch", "tensorflow-cpu", "ai-edge-litert", "numpy")
TFLITE_FILE = "1/model.tflite"

tf.get_logger().setLevel("ERROR")


def saved_model(model: ZooModel, scratch: Path) -> Path:
    """Write the model as a SavedModel into the scratch folder, unless an earlier format did."""
    folder = scratch / "savedmodel"
    if not folder.exists():
        inputs = [Input(spec["name"], spec["dtype"], tuple(spec["shape"])) for spec in model.inputs]
        examples = model.tensors(model.samples(2, 0))
        converted = convert(model.network, examples, inputs, [spec["name"] for spec in model.outputs])
        tf.saved_model.save(converted, str(folder), signatures={SIGNATURE: converted.predict})
    return folder


def export_tflite(
    model: ZooModel, folder: Path, scratch: Path, configure: Callable[[tf.lite.TFLiteConverter], None]
) -> None:
    """Convert the SavedModel; configure sets the converter's options, which is all that the formats differ in."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model(model, scratch)))
    configure(converter)
    path = folder / TFLITE_FILE
    path.parent.mkdir(parents=True)
    try:
        path.write_bytes(converter.convert())
    except ConverterError as error:
        raise ConversionError(f"TensorFlow Lite's converter failed: {error}") from error


def calibration(model: ZooModel) -> Iterator[dict[str, np.ndarray]]:
    """Give the model's own samples one at a time, by input name."""
    arrays = model.samples(CALIBRATION_SAMPLES, CALIBRATION_SEED)
    for i in range(CALIBRATION_SAMPLES):
        yield {name: array[i : i + 1] for name, array in arrays.items()}


def load_tflite(model: ZooModel, folder: Path) -> Predict:
    """Load an artifact into LiteRT; the function it gives takes any batch."""
    interpreter = Interpreter(model_path=str(folder / TFLITE_FILE), num_threads=1)
    run = interpreter.get_signature_runner(SIGNATURE)

    def predict(arrays: Arrays) -> Arrays:
        return {name: value.copy() for name, value in run(**arrays).items()}

    return predict
