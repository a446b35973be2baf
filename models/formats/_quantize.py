"""Quantise a SavedModel to 8-bit integers: python _quantize.py SAVED_MODEL SAMPLES.npz MODEL.tflite

A process of its own, since TensorFlow Lite's quantizer, and what it makes, abort the whole process with some models.
SAMPLES.npz holds the calibration's samples, stacked, as NUMBER:INPUT, a number for each length.
Exit status: 0, 1 with the converter's words on stdout, or a signal's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tensorflow.lite.python.convert import ConverterError

SIGNATURE = "serving_default"
Arrays = dict[str, np.ndarray]


class SignatureAtLength(str):
    """The signature's name at one length: TensorFlow Lite sizes its tensors anew for each name that it hasn't seen."""

    length: int

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) is True and self.length == getattr(other, "length", self.length)

    __hash__ = str.__hash__


def main(saved_model: str, samples: str, target: str) -> int:
    converter = tf.lite.TFLiteConverter.from_saved_model(saved_model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: calibration(read_samples(samples))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    try:
        content = converter.convert()
    except (ConverterError, RuntimeError, ValueError) as error:  # the last two while it calibrates
        sys.stdout.write(str(error))
        return 1
    run = Interpreter(model_content=content).get_signature_runner(SIGNATURE)
    for arrays in read_samples(samples):  # whoever loads it must not be aborted
        run(**{name: array[:2] for name, array in arrays.items()})
    Path(target).write_bytes(content)
    return 0


def read_samples(path: str) -> list[Arrays]:
    """Give the samples by input name, one dict a length."""
    with np.load(path, allow_pickle=False) as file:
        numbers = sorted({int(key.partition(":")[0]) for key in file.files})
        names = {key.partition(":")[2] for key in file.files}
        return [{name: file[f"{number}:{name}"] for name in names} for number in numbers]


def calibration(samples: list[Arrays]) -> Iterator[tuple[str, Arrays]]:
    """Give the signature and the samples one at a time."""
    for length, arrays in enumerate(samples):
        signature = SignatureAtLength(SIGNATURE)
        signature.length = length
        for i in range(len(next(iter(arrays.values())))):
            yield signature, {name: array[i : i + 1] for name, array in arrays.items()}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
