"""Print docs/operators.md from the converter's table: python models/operators.py > docs/operators.md."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))

from aten_to_tf.layout import overloads
from aten_to_tf.ops import NOT_IN_LITE, OPS

aten = torch.ops.aten

WEIGHTS = "weights that are parameters, buffers, or computed from these alone; any stride, padding, dilation and groups"
SIZES = "a size, or a whole number as factor"
POOLED = "to 1; to any size for images of fixed size"
RECURRENT = "any number of layers, both directions, with or without biases, batch first or not, any length; no packing"

LIMITS: dict[Any, str] = {
    **overloads(aten.conv1d, WEIGHTS, ("default", "padding")),
    **overloads(aten.conv2d, WEIGHTS, ("default", "padding")),
    aten.conv_transpose1d.default: WEIGHTS,
    aten.conv_transpose2d.input: WEIGHTS,
    aten.lstm.input: f"{RECURRENT}; projections",
    **dict.fromkeys((aten.gru.input, aten.rnn_tanh.input, aten.rnn_relu.input), RECURRENT),
    aten.scaled_dot_product_attention.default: "masks of bool or added, is_causal, scale, grouped queries",
    aten.max_pool2d.default: "no dilation; ceil_mode for images of fixed size",
    aten.avg_pool2d.default: (
        "for images of fixed size ceil_mode, and count_include_pad=False with any padding; for others the latter with "
        "stride 1 and an odd window's own padding only"
    ),
    aten.adaptive_avg_pool2d.default: POOLED,
    aten.adaptive_max_pool2d.default: f"{POOLED}; values only",
    aten.upsample_bilinear2d.vec: f"{SIZES}; no antialiasing",
    **dict.fromkeys((aten.upsample_nearest2d.vec, aten.upsample_nearest1d.vec, aten.upsample_linear1d.vec), SIZES),
    aten.index.Tensor: "indices of whole numbers; one of bool makes a shape that depends on values",
    aten.slice_scatter.default: "step 1",
    aten.split.Tensor: "along an axis of fixed size",
    aten.unbind.int: "along an axis of fixed size",
    aten.linalg_vector_norm.default: "orders 1, 2 and infinity",
    aten.roll.default: "with axes",
    aten.pad.default: "modes constant and reflect",
    aten.floor_divide.default: "whole numbers: SavedModel only",
    aten.div.Tensor_mode: "whole numbers: SavedModel only",
    aten.pow.Tensor_Scalar: "whole numbers: SavedModel only",
    aten.abs.default: "whole numbers: SavedModel only",
    aten.bitwise_not.default: "bool",
    aten.bitwise_and.Tensor: "bool",
    aten.bitwise_or.Tensor: "bool",
    aten.bitwise_xor.Tensor: "bool",
}
"""What settings are known; anything else of these ops is refused by name."""

HEAD = """# What the converter knows

Made by `python models/operators.py > docs/operators.md`; a test holds it to the table in `models/aten_to_tf/ops.py`.

`models/aten_to_tf` turns the graph of torch.export into TensorFlow, op by op. Each op below is compared with PyTorch
over drawn shapes, dtypes and free dimensions, in TensorFlow and TensorFlow Lite, by
`tests/unit/models/test_aten_ops.py`.
Ops on weights alone are computed by PyTorch while converting, and an op that is not here is first taken apart as far
as PyTorch itself can. What is left unknown is refused with its name, its line in the model and what to do: nothing is
ever left out in silence. [Networks tried](networks.md) says which whole networks were converted.

A free dimension (None or bounds in INPUTS) stays free. Where the model makes a constant of it (`len(x)`, `int()`, a
Python loop over it) or holds for fewer sizes than INPUTS says, the export says so and stops.

| op | TensorFlow Lite | settings |
|---|---|---|
"""


def name_of(op: Callable[..., Any]) -> str:
    """Name an op as PyTorch does; arithmetic on sizes as Python does."""
    return str(op) if isinstance(op, torch._ops.OpOverload) else f"{op.__name__} (of sizes)"


def describe_operators() -> str:
    """Write the page."""
    rows = [
        f"| `{name_of(op)}` | {'no builtin' if op in NOT_IN_LITE else 'yes'} | {LIMITS.get(op, '')} |"
        for op in sorted(OPS, key=name_of)
    ]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(describe_operators())
