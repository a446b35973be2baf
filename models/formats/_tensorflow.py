"""What the TensorFlow formats share: the converted model as a SavedModel, made once, and TensorFlow Lite on top."""

from __future__ import annotations

import re
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
        content = converter.convert()
    except (ConverterError, RuntimeError, ValueError) as error:  # the last two while it calibrates
        raise _converter_error(str(error)) from error
    path.write_bytes(content)


def _converter_error(text: str) -> ConversionError:
    """Take the one sentence that matters out of the pages that the converter writes."""
    lacking = re.search(r"ops?: ([\w., ]+)\nDetails:", text)
    if lacking:
        return ConversionError(f"TensorFlow Lite has no builtin for the op {lacking[1]}", lacking[1])
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line] or lines or ["it does not say why"]
    sentence = re.sub(r".*error: |loc\(.*\): ", "", errors[0])[:300]
    return ConversionError(f"TensorFlow Lite's converter failed: {sentence}")


class _SignatureAtLength(str):
    """The signature's name at one length: TensorFlow Lite sizes its tensors anew for each name that it hasn't seen."""

    length: int | None

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) is True and self.length == getattr(other, "length", self.length)

    __hash__ = str.__hash__


def calibration(model: ZooModel) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Give the signature and the model's own samples by input name, one at a time, as many of each length."""
    for length in model.lengths:
        signature = _SignatureAtLength(SIGNATURE)
        signature.length = length
        count = CALIBRATION_SAMPLES // len(model.lengths)
        arrays = model.samples(count, CALIBRATION_SEED, length)
        for i in range(count):
            yield signature, {name: array[i : i + 1] for name, array in arrays.items()}


def load_tflite(model: ZooModel, folder: Path) -> Predict:
    """Load an artifact into LiteRT; the function it gives takes any batch."""
    interpreter = Interpreter(model_path=str(folder / TFLITE_FILE), num_threads=1)
    run = interpreter.get_signature_runner(SIGNATURE)

    def predict(arrays: Arrays) -> Arrays:
        return {name: value.copy() for name, value in run(**arrays).items()}

    return predict
