"""Time a zoo model's SavedModel beside a Keras model of the same shape, in turns, on one thread.

    python savedmodel_twins.py MODEL ROUNDS CALLS

Runs in the environment of models/. Ends with one line of JSON: medians of each round in ms, ours and the twin's.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models"))

import keras
import numpy as np
import tensorflow as tf
import torch
from aten_to_tf.convert import Input, convert
from keras import layers

ZOO = Path(__file__).resolve().parents[2] / "models" / "zoo"
LENGTH = 32
"""Tokens of a text: between the shortest and the longest that the encoder takes."""


def norm_relu(x: Any, relu: Callable[[Any], Any] | None) -> Any:
    x = layers.BatchNormalization(epsilon=1e-5)(x)
    return x if relu is None else relu(x)


def convolve(x: Any, filters: int, kernel: int, stride: int = 1, relu: Callable[[Any], Any] | None = None) -> Any:
    """Pad as PyTorch does, convolve, normalise."""
    if kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2)(x)
    return norm_relu(layers.Conv2D(filters, kernel, stride, use_bias=False)(x), relu)


def mobilenet_v2() -> keras.Model:
    """Write what models/zoo/mobilenet_v2 is."""
    relu6 = keras.activations.relu6
    image = keras.Input((224, 224, 3))
    x = convolve(image, 32, 3, 2, relu6)
    channels = 32
    stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for expansion, filters, blocks, first_stride in stages:
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            y = x if expansion == 1 else convolve(x, channels * expansion, 1, 1, relu6)
            y = layers.DepthwiseConv2D(3, stride, use_bias=False)(layers.ZeroPadding2D(1)(y))
            y = convolve(norm_relu(y, relu6), filters, 1)
            x = layers.Add()([x, y]) if stride == 1 and channels == filters else y
            channels = filters
    x = layers.GlobalAveragePooling2D()(convolve(x, 1280, 1, 1, relu6))
    return keras.Model(image, layers.Dense(1000)(x))


def resnet50() -> keras.Model:
    """Write ResNet-50 with the stride in the 3x3 convolution, as torchvision and models/zoo/resnet50 have it."""
    relu = keras.activations.relu
    image = keras.Input((224, 224, 3))
    x = convolve(image, 64, 7, 2, relu)
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))  # what is pooled is not negative, so zeros don't matter
    for filters, blocks, first_stride in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]:
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            y = convolve(convolve(x, filters, 1, 1, relu), filters, 3, stride, relu)
            y = convolve(y, 4 * filters, 1)
            x = relu(layers.Add()([y, x if block else convolve(x, 4 * filters, 1, stride)]))
    return keras.Model(image, layers.Dense(1000)(layers.GlobalAveragePooling2D()(x)))


def text_encoder() -> keras.Model:
    """Write what models/zoo/text_encoder is."""
    width, heads = 128, 4
    tokens = keras.Input((None,), dtype="int64")
    places = layers.Lambda(lambda t: tf.range(tf.shape(t)[1]), output_shape=(None,))(tokens)
    x = layers.Embedding(4000, width)(tokens) + layers.Embedding(128, width)(places)
    for _ in range(4):
        y = layers.LayerNormalization(epsilon=1e-5)(x)
        x = x + layers.MultiHeadAttention(heads, width // heads)(y, y)
        y = layers.LayerNormalization(epsilon=1e-5)(x)
        x = x + layers.Dense(width)(layers.Dense(4 * width, activation="gelu")(y))
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-5)(x))
    return keras.Model(tokens, layers.Dense(8)(x))


TWINS = {"mobilenet_v2": mobilenet_v2, "resnet50": resnet50, "text_encoder": text_encoder}


def draw(inputs: list[dict[str, Any]], batch: int) -> list[np.ndarray]:
    """Draw an input of the zoo model, whose only free dimension beside the batch is its length."""
    generator = np.random.default_rng(0)
    arrays = []
    for spec in inputs:
        shape = [batch, *[size if isinstance(size, int) else LENGTH for size in spec["shape"][1:]]]
        whole = spec["dtype"] == "int64"
        drawn = generator.integers(0, 1000, shape) if whole else generator.normal(size=shape)
        arrays.append(drawn.astype(spec["dtype"]))
    return arrays


def load_ours(name: str, folder: str) -> tuple[Callable[[], Any], np.ndarray]:
    """Convert the zoo model, save and load it; returns a call of it and its input."""
    spec = importlib.util.spec_from_file_location(name, ZOO / name / "model.py")
    zoo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(zoo)
    inputs = [Input(i["name"], i["dtype"], tuple(i["shape"])) for i in zoo.INPUTS]
    model = convert(zoo.build(), [torch.from_numpy(a) for a in draw(zoo.INPUTS, 2)], inputs, zoo.OUTPUTS)
    tf.saved_model.save(model, folder, signatures={"serving_default": model.predict})
    (array,) = draw(zoo.INPUTS, 1)
    return call_of(folder, inputs[0].name, array), array


def call_of(folder: str, name: str | None, array: np.ndarray) -> Callable[[], Any]:
    loaded = tf.saved_model.load(folder)
    predict = loaded.signatures["serving_default"]
    name = name or next(iter(predict.structured_input_signature[1]))
    tensor = tf.constant(array)

    def call() -> Any:
        return next(iter(predict(**{name: tensor}).values())).numpy(), loaded

    return call


def median_ms(call: Callable[[], Any], calls: int) -> float:
    times = []
    for _ in range(calls):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return 1000 * median(times)


def main(name: str, rounds: int, calls: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        ours, array = load_ours(name, f"{scratch}/ours")
        twin_input = array if array.ndim == 2 else np.ascontiguousarray(array.transpose(0, 2, 3, 1))
        TWINS[name]().export(f"{scratch}/twin", verbose=False)
        both = {"ours": ours, "twin": call_of(f"{scratch}/twin", None, twin_input)}
    found: dict[str, list[float]] = {"ours": [], "twin": []}
    for number in range(-1, rounds):  # the first only warms up
        order = list(both) if number % 2 else list(both)[::-1]
        for which in order:
            value = median_ms(both[which], calls)
            if number >= 0:
                found[which].append(value)
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
