"""Weights apart from the graph: of a model whose weights are known to the byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import tensorflow as tf
import torch
import zstandard
from weighing import ZSTD_LEVEL, weigh, weights_bytes

WEIGHTS = np.random.default_rng(1).normal(size=(300, 40)).astype(np.float32)
SLACK = 1000
"""Shapes, file names and other small constants that a format stores as tensors."""


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    class Module(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.variable = tf.Variable(WEIGHTS)

        @tf.function(input_signature=[tf.TensorSpec([None, 300], tf.float32)])
        def predict(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"y": x @ self.variable + x @ tf.constant(WEIGHTS * 2)}

    folder = tmp_path_factory.mktemp("saved") / "1"
    module = Module()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.predict})
    return folder


def test_variables_and_constants_of_a_saved_model(saved_model: Path) -> None:
    counted = weights_bytes("savedmodel", saved_model)
    assert counted is not None and 2 * WEIGHTS.nbytes <= counted <= 2 * WEIGHTS.nbytes + SLACK


@pytest.mark.parametrize(("optimized", "width"), [(False, 4), (True, 1)])
def test_buffers_of_a_tflite_file(saved_model: Path, tmp_path: Path, optimized: bool, width: int) -> None:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    converter.optimizations = [tf.lite.Optimize.DEFAULT] if optimized else []
    file = tmp_path / "model.tflite"
    file.write_bytes(converter.convert())
    counted = weights_bytes("tflite-dynamic" if optimized else "tflite-fp32", file)
    # The converter may join the two products or keep them apart: at least one matrix, at most both.
    assert counted is not None and WEIGHTS.size * width <= counted <= 2 * WEIGHTS.size * width + SLACK
    assert counted < file.stat().st_size


LAYER_BYTES = 4 * (300 * 40 + 40)


@pytest.fixture
def layer() -> torch.jit.ScriptModule:
    return torch.jit.trace(torch.nn.Linear(300, 40).eval(), torch.zeros(2, 300))


def test_entries_of_a_torchscript_file(layer: torch.jit.ScriptModule, tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    torch.jit.save(layer, str(file))
    assert weights_bytes("torchscript", file) == LAYER_BYTES


def test_entries_of_a_lite_interpreters_file(layer: torch.jit.ScriptModule, tmp_path: Path) -> None:
    for name, module in (("plain", layer), ("frozen", torch.jit.freeze(layer))):
        file = tmp_path / f"{name}.ptl"
        module._save_for_lite_interpreter(str(file))
        assert weights_bytes("lite-interpreter", file) == LAYER_BYTES


def test_initializers_and_constants_of_an_onnx_file(tmp_path: Path) -> None:
    weights = onnx.numpy_helper.from_array(WEIGHTS, "w")
    listed = onnx.helper.make_tensor("b", onnx.TensorProto.FLOAT, [40], [0.5] * 40)  # not as raw bytes
    nodes = [
        onnx.helper.make_node("Constant", [], ["b"], value=listed),
        onnx.helper.make_node("MatMul", ["x", "w"], ["p"]),
        onnx.helper.make_node("Add", ["p", "b"], ["y"]),
    ]
    ends = [
        onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [None, s]) for n, s in (("x", 300), ("y", 40))
    ]
    file = tmp_path / "model.onnx"
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:], [weights])), str(file))
    assert weights_bytes("onnx", file) == WEIGHTS.nbytes + 4 * 40


def test_a_format_that_does_not_tell_has_none(tmp_path: Path) -> None:
    file = tmp_path / "model.pte"
    file.write_bytes(b"x" * 100)
    assert weigh("executorch", file)["weights_bytes"] is None


def test_zstd_is_counted_file_by_file(tmp_path: Path) -> None:
    contents = {"a": b"abc" * 1000, "folder/b": bytes(5000)}
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    expected = sum(len(zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(c)) for c in contents.values())
    assert weigh("executorch", tmp_path)["zstd_bytes"] == expected
