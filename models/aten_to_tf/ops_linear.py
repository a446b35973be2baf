"""Matrix products."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import torch
from aten_to_tf.layout import plain

aten = torch.ops.aten


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """x: (..., in), weight: (out, in), bias: (out,)."""
    product = tf.matmul(x, weight, transpose_b=True)
    return product if bias is None else product + bias


def addmm(bias: Any, a: Any, b: Any, beta: float = 1, alpha: float = 1) -> Any:
    product = tf.matmul(a, b)
    return (product if alpha == 1 else alpha * product) + (bias if beta == 1 else beta * bias)


OPS = {
    aten.linear.default: plain(linear),
    aten.matmul.default: plain(tf.matmul),
    aten.mm.default: plain(tf.matmul),
    aten.bmm.default: plain(tf.matmul),
    aten.addmm.default: plain(addmm),
}
