"""Networks made of single ops, converted and compared with PyTorch: what the tests of the converter share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import tensorflow as tf
import torch
from ai_edge_litert.interpreter import Interpreter
from aten_to_tf.convert import Input, TensorFlowModel, convert
from torch import nn

ABSOLUTE, RELATIVE = 1e-5, 1e-4

Tensors = SimpleNamespace
"""What a row's function takes: x and y normal, p positive, g quarters; i whole numbers from 0 to 4, b truth values."""

Row = Callable[[Tensors], Any]
"""From the tensors to one tensor or several."""

DTYPES = {"x": "float32", "y": "float32", "g": "float32", "i": "int64"}


@dataclass(frozen=True, slots=True)
class Case:
    """Where rows are tried: sizes of the example and of the checks, which axes are free, and how images lie."""

    sizes: tuple[int, ...]
    free: tuple[bool, ...]
    checked: tuple[tuple[int, ...], ...]
    whole_numbers: str = "int64"
    is_channels_last: bool = False

    def inputs(self) -> list[Input]:
        shape = tuple(
            (min(sizes[axis] for sizes in self.checked), 64) if self.free[axis] else self.sizes[axis]
            for axis in range(len(self.sizes))
        )
        dtypes = {**DTYPES, "i": self.whole_numbers}
        return [Input(name, dtype, shape) for name, dtype in dtypes.items()]

    def arrays(self, sizes: Sequence[int]) -> dict[str, np.ndarray]:
        draw = np.random.default_rng(sum(sizes))
        return {
            "x": draw.normal(0, 2, sizes).astype(np.float32),
            "y": draw.normal(0, 2, sizes).astype(np.float32),
            "g": draw.integers(-16, 17, sizes).astype(np.float32) / 4,
            "i": draw.integers(0, 5, sizes).astype(self.whole_numbers),
        }


class Rows(nn.Module):
    """A network that returns the inputs and what each row's function gives."""

    def __init__(self, rows: Sequence[Row], is_channels_last: bool) -> None:
        super().__init__()
        self.rows, self.is_channels_last = rows, is_channels_last

    def forward(self, x: torch.Tensor, y: torch.Tensor, g: torch.Tensor, i: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if self.is_channels_last:  # as it lies after a convolution
            x = x.permute(0, 2, 3, 1).clone().permute(0, 3, 1, 2)
        tensors = Tensors(x=x, y=y, g=g, i=i, b=i > 2, p=x.abs() + 0.5)
        found: list[torch.Tensor] = [x, y, g, i]
        for row in self.rows:
            returned = row(tensors)
            found += [returned] if isinstance(returned, torch.Tensor) else returned
        return tuple(found)


def row_name(op: Any, number: int) -> str:
    """Name a row after its op, in the characters TensorFlow allows."""
    name = str(op) if isinstance(op, torch._ops.OpOverload) else f"python.{op.__name__}"
    return f"{name}.{number}"


def run_lite(model: TensorFlowModel) -> Callable[..., dict[str, np.ndarray]]:
    """Convert further to TensorFlow Lite, of builtin ops only; gives a function of arrays by input name."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions([model.predict], model)
    return Interpreter(model_content=converter.convert(), num_threads=1).get_signature_runner("serving_default")


def assert_same(actual: np.ndarray, expected: np.ndarray, what: str) -> None:
    assert actual.dtype == expected.dtype, what
    assert actual.shape == expected.shape, what
    np.testing.assert_allclose(actual, expected, atol=ABSOLUTE, rtol=RELATIVE, err_msg=what)


def check_rows(rows: Mapping[str, Row], case: Case, lite: bool = True) -> None:
    """Convert all rows as one network and compare each at every size of the case, in TensorFlow and TensorFlow Lite."""
    network = Rows(list(rows.values()), case.is_channels_last).eval()
    examples = {name: torch.from_numpy(array) for name, array in case.arrays(case.sizes).items()}
    with torch.no_grad():
        names = _names(rows, network, examples)
    model = convert(network, list(examples.values()), case.inputs(), names)
    runs = {"TensorFlow": lambda **arrays: _numpy(model.predict(**{k: tf.constant(v) for k, v in arrays.items()}))}
    if lite:
        runs["TensorFlow Lite"] = run_lite(model)
    for sizes in case.checked:
        arrays = case.arrays(sizes)
        with torch.no_grad():
            expected = network(**{name: torch.from_numpy(array.copy()) for name, array in arrays.items()})
        for runtime, run in runs.items():
            actual = run(**arrays)
            for name, tensor in zip(names, expected, strict=True):
                assert_same(actual[name], tensor.numpy(), f"{name} in {runtime} at {sizes}")


def _names(rows: Mapping[str, Row], network: Rows, examples: Mapping[str, torch.Tensor]) -> list[str]:
    """Name each output after its row."""
    counts = []
    for row in rows.values():
        alone = Rows([row], network.is_channels_last)(**{k: v.clone() for k, v in examples.items()})
        counts.append(len(alone) - 4)
    names = ["x_in", "y_in", "g_in", "i_in"]
    for name, count in zip(rows, counts, strict=True):
        names += [f"{name}_{part}" for part in range(count)]
    return names


def _numpy(tensors: Mapping[str, tf.Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}
