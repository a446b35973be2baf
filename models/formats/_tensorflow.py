"""What the TensorFlow formats share: the converted model as a SavedModel, made once, and TensorFlow Lite on top."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from aten_to_tf.convert import Input, convert
from aten_to_tf.errors import ConversionError
from tensorflow.lite.python.convert import ConverterError
from zoo_model import ZooModel

from bakeoff.schema.engines import TENSORFLOW

SIGNATURE = "serving_default"
CALIBRATION_SAMPLES = 100
CALIBRATION_SEED = 1_000_003  # far from the golden samples' seed: a format must not be tuned to what it is checked with
PACKAGES = ("torch", TENSORFLOW, "ai-edge-litert", "numpy")
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
    configure: Callable[[tf.lite.TFLiteConverter], None], model: ZooModel, folder: Path, scratch: Path
) -> None:
    """Convert the SavedModel; configure sets the converter's options, which is all that the formats differ in."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model(model, scratch)))
    configure(converter)
    path = folder / TFLITE_FILE
    path.parent.mkdir(parents=True)
    try:
        content = converter.convert()
    except ConverterError as error:
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


def quantize(model: ZooModel, folder: Path, scratch: Path) -> None:
    """Convert the SavedModel to 8-bit integers, calibrated on as many samples of each length."""
    samples, path = scratch / "calibration.npz", folder / TFLITE_FILE
    count = CALIBRATION_SAMPLES // len(model.lengths)
    drawn = [model.samples(count, CALIBRATION_SEED, length) for length in model.lengths]
    np.savez(samples, **{f"{at}:{name}": array for at, of in enumerate(drawn) for name, array in of.items()})
    path.parent.mkdir(parents=True)
    program = Path(__file__).with_name("_quantize.py")
    command = [sys.executable, str(program), str(saved_model(model, scratch)), str(samples), str(path)]
    finished = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    sys.stderr.write(finished.stderr)
    if finished.returncode < 0:
        name = signal.Signals(-finished.returncode).name
        raise ConversionError(f"TensorFlow Lite's quantizer, or what it made, ends the process with {name}")
    if finished.returncode:
        raise _converter_error(finished.stdout or finished.stderr.strip().splitlines()[-1])
