"""Matrix products."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import torch
from aten_to_tf.layout import plain
from aten_to_tf.ops_shape import reshape, size, squeeze

aten = torch.ops.aten


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """x: (..., in), weight: (out, in), bias: (out,)."""
    rank = len(x.shape)
    # One product of two matrices, not a batch of products with the same weights.
    rows = x if rank == 2 else tf.reshape(x, (-1, x.shape[-1]))
    product = tf.matmul(rows, weight, transpose_b=True)
    y = product if bias is None else tf.nn.bias_add(product, bias)
    if rank == 2:
        return y
    return reshape(y, [*(size(x, axis) for axis in range(rank - 1)), weight.shape[0]])


def matmul(a: Any, b: Any) -> Any:
    """Multiply as PyTorch does: an operand of one axis is a row on the left and a column on the right."""
    is_row, is_column = len(a.shape) == 1, len(b.shape) == 1
    product = tf.matmul(tf.expand_dims(a, 0) if is_row else a, tf.expand_dims(b, 1) if is_column else b)
    gone = [axis for axis, is_gone in ((-2, is_row), (-1, is_column)) if is_gone]
    return squeeze(product, gone) if gone else product


def addmm(bias: Any, a: Any, b: Any, beta: float = 1, alpha: float = 1) -> Any:
    product = tf.matmul(a, b)
    return (product if alpha == 1 else alpha * product) + (bias if beta == 1 else beta * bias)


OPS = {
    aten.linear.default: plain(linear),
    **dict.fromkeys((aten.matmul.default, aten.mv.default, aten.dot.default), plain(matmul)),
    **dict.fromkeys((aten.mm.default, aten.bmm.default), plain(tf.matmul)),
    **dict.fromkeys((aten.addmm.default, aten.baddbmm.default), plain(addmm)),
}
