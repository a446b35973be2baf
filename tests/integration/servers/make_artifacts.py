"""Make the servers' test artifacts in tiny/: run this file in an environment with TensorFlow.

image: one float32 input with only the batch free, as digits_cnn has; words: two inputs, two outputs and a free length;
half_plus_two: TensorFlow Serving's example, which its recordings are of. Of the models named, or of all.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

ROOT = Path(__file__).resolve().parent / "tiny"
SAMPLES = 4
VERSIONS = {"half_plus_two": "123"}  # as the model was recorded with

RNG = np.random.default_rng(0)
KERNEL = tf.constant(RNG.normal(size=(64, 20)).astype("f4") / 8)
HEAD = tf.constant(RNG.normal(size=(20, 10)).astype("f4"))


def run_image(x: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"logits": tf.nn.relu(tf.reshape(x, [-1, 64]) @ KERNEL) @ HEAD}


def run_words(ids: tf.Tensor, weight: tf.Tensor) -> dict[str, tf.Tensor]:
    """The weighted sum of the ids, and the ids after the first."""
    return {"total": tf.reduce_sum(tf.cast(ids, tf.float32), axis=1) * weight, "rest": ids[:, 1:] + 0}


MODELS: dict[str, tuple[Callable[..., dict[str, tf.Tensor]], dict[str, Any], dict[str, Any]]] = {
    "image": (
        run_image,
        {"x": ("float32", [None, 1, 8, 8])},
        {"logits": ("float32", [None, 10])},
    ),
    "words": (
        run_words,
        {"ids": ("int64", [None, None]), "weight": ("float32", [None])},
        {"total": ("float32", [None]), "rest": ("int64", [None, None])},
    ),
    "half_plus_two": (
        lambda x: {"y": x / 2 + 2},
        {"x": ("float32", [None])},
        {"y": ("float32", [None])},
    ),
}


def samples(inputs: dict[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    made = {}
    for name, (dtype, shape) in inputs.items():
        sizes = [SAMPLES, *(5 if size is None else size for size in shape[1:])]
        made[name] = (RNG.random(sizes) * (100 if dtype == "int64" else 1)).astype(dtype)
    return made


def convert(saved: str, format: str, arrays: dict[str, Any]) -> bytes:
    def representative() -> Iterator[dict[str, Any]]:
        for row in range(SAMPLES):
            yield {name: array[row : row + 1] for name, array in arrays.items()}

    converter = tf.lite.TFLiteConverter.from_saved_model(saved)
    if format != "tflite-fp32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if format == "tflite-int8":
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter.convert()


def main() -> None:
    for model in sys.argv[1:] or MODELS:
        run, inputs, outputs = MODELS[model]
        specs = [tf.TensorSpec(shape, dtype, name) for name, (dtype, shape) in inputs.items()]
        function = tf.function(run, autograph=False).get_concrete_function(*specs)
        arrays = samples(inputs)
        folder = ROOT / model
        with tempfile.TemporaryDirectory() as saved:
            tf.saved_model.save(tf.Module(), saved, signatures={"serving_default": function})
            for format in ("tflite-fp32", "tflite-dynamic", "tflite-int8") if model == "image" else ("tflite-fp32",):
                file = folder / format / VERSIONS.get(model, "1") / "model.tflite"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(convert(saved, format, arrays))
                manifest = json.dumps({"file": str(file.relative_to(folder / format))})
                (folder / format / "manifest.json").write_text(manifest + "\n", encoding="utf-8")
        golden = {f"input:{name}": array for name, array in arrays.items()}
        golden |= {f"torch:{name}": np.asarray(value) for name, value in run(**arrays).items()}
        np.savez(folder / "golden.npz", **golden)
        described = {
            "schema_version": 1,
            "name": model,
            "sha256": "0" * 64,
            "inputs": [{"name": name, "dtype": dtype, "shape": shape} for name, (dtype, shape) in inputs.items()],
            "outputs": [{"name": name, "dtype": dtype, "shape": shape} for name, (dtype, shape) in outputs.items()],
            "atol": 1e-4,
            "rtol": 0.0,
            "parameters": 0,
            "accuracy": None,
            "accuracy_samples": None,
        }
        (folder / "model.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
