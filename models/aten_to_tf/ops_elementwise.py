"""Ops that treat every element alike: arithmetic, activations, casts, copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import torch
from aten_to_tf.errors import UnsupportedSetting
from aten_to_tf.layout import elementwise

aten = torch.ops.aten

TF_DTYPES = {
    torch.float32: tf.float32,
    torch.float64: tf.float64,
    torch.float16: tf.float16,
    torch.int64: tf.int64,
    torch.int32: tf.int32,
    torch.int8: tf.int8,
    torch.uint8: tf.uint8,
    torch.bool: tf.bool,
}


def same(x: Any, *_: Any, **__: Any) -> Any:
    """Pass a tensor on: what only matters to PyTorch's memory or to training."""
    return x


def to_dtype(x: Any, dtype: torch.dtype | None = None, **_: Any) -> Any:
    return x if dtype is None else tf.cast(x, TF_DTYPES[dtype])


def promote(a: Any, b: Any) -> tuple[Any, Any]:
    """Bring two operands to one dtype by PyTorch's rules.

    Floats win over integers, and they over truth values; among equals a tensor with axes wins over one without, and
    any tensor over Python's numbers.
    """
    operands = [(x, _dtype_of(x), _weight(x)) for x in (a, b)]
    kind = max(_kind(dtype) for _, dtype, _ in operands)
    candidates = [(weight, dtype.size, dtype) for _, dtype, weight in operands if _kind(dtype) == kind]
    dtype = max(candidates, key=lambda candidate: candidate[:2])[2]
    return tf.cast(a, dtype), tf.cast(b, dtype)


def _dtype_of(x: Any) -> tf.DType:
    """Give an operand's dtype; for a number PyTorch's default."""
    if is_tensor(x):
        return tf.as_dtype(x.dtype)
    if isinstance(x, bool):
        return tf.bool
    return tf.float32 if isinstance(x, float) else tf.int64


def _weight(x: Any) -> int:
    return 0 if not is_tensor(x) else 1 if len(x.shape) == 0 else 2


def _kind(dtype: tf.DType) -> int:
    return 2 if dtype.is_floating else 1 if dtype.is_integer else 0


def arithmetic(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Make an op of two operands, the second of which may carry PyTorch's factor alpha."""

    def op(a: Any, b: Any, alpha: float = 1) -> Any:
        a, b = promote(a, b)
        return function(a, b if alpha == 1 else b * tf.cast(alpha, b.dtype))

    return elementwise(op)


def divide(a: Any, b: Any, rounding_mode: str | None = None) -> Any:
    a, b = promote(a, b)
    if rounding_mode == "floor":
        return tf.math.floordiv(a, b)
    if rounding_mode == "trunc":
        raise UnsupportedSetting('div with rounding_mode="trunc" is not known; use "floor" or none')
    if not tf.as_dtype(a.dtype).is_floating:
        a, b = tf.cast(a, tf.float32), tf.cast(b, tf.float32)
    return tf.divide(a, b)


def hardtanh(x: Any, low: float = -1.0, high: float = 1.0) -> Any:
    return tf.nn.relu6(x) if (low, high) == (0, 6) else clamp(x, low, high)


def clamp(x: Any, min: float | None = None, max: float | None = None) -> Any:
    if min == 0 and max is None:
        return tf.nn.relu(x)
    x = x if min is None else tf.maximum(x, tf.cast(min, x.dtype))
    return x if max is None else tf.minimum(x, tf.cast(max, x.dtype))


def gelu(x: Any, approximate: str = "none") -> Any:
    return tf.nn.gelu(x, approximate=approximate == "tanh")


def elu(x: Any, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    if (alpha, scale, input_scale) != (1, 1, 1):
        raise UnsupportedSetting("elu is known with alpha 1 only; use that")
    return tf.nn.elu(x)


def is_tensor(x: Any) -> bool:
    return isinstance(x, np.ndarray) or tf.is_tensor(x)


OPS = {
    aten.add.Tensor: arithmetic(tf.add),
    aten.add.Scalar: arithmetic(tf.add),
    aten.sub.Tensor: arithmetic(tf.subtract),
    aten.sub.Scalar: arithmetic(tf.subtract),
    aten.rsub.Scalar: arithmetic(lambda a, b: b - a),
    aten.mul.Tensor: arithmetic(tf.multiply),
    aten.mul.Scalar: arithmetic(tf.multiply),
    aten.maximum.default: arithmetic(tf.maximum),
    aten.minimum.default: arithmetic(tf.minimum),
    aten.div.Tensor: elementwise(divide),
    aten.div.Scalar: elementwise(divide),
    aten.div.Tensor_mode: elementwise(divide),
    aten.pow.Tensor_Scalar: elementwise(lambda x, exponent: tf.pow(*promote(x, exponent))),
    aten.reciprocal.default: elementwise(tf.math.reciprocal),
    aten.neg.default: elementwise(tf.negative),
    aten.abs.default: elementwise(tf.abs),
    aten.exp.default: elementwise(tf.exp),
    aten.log.default: elementwise(tf.math.log),
    aten.sqrt.default: elementwise(tf.sqrt),
    aten.rsqrt.default: elementwise(tf.math.rsqrt),
    aten.relu.default: elementwise(tf.nn.relu),
    aten.relu6.default: elementwise(tf.nn.relu6),
    aten.hardtanh.default: elementwise(hardtanh),
    aten.clamp.default: elementwise(clamp),
    aten.clamp_min.default: elementwise(clamp),
    aten.sigmoid.default: elementwise(tf.sigmoid),
    aten.tanh.default: elementwise(tf.tanh),
    aten.gelu.default: elementwise(gelu),
    aten.silu.default: elementwise(lambda x: x * tf.sigmoid(x)),
    aten.elu.default: elementwise(elu),
    aten.leaky_relu.default: elementwise(lambda x, slope=0.01: tf.nn.leaky_relu(x, slope)),
    aten.hardsigmoid.default: elementwise(lambda x: tf.nn.relu6(x + 3.0) / 6.0),
    aten.hardswish.default: elementwise(lambda x: x * tf.nn.relu6(x + 3.0) / 6.0),
    aten.clone.default: elementwise(same),
    aten.contiguous.default: elementwise(same),
    aten.alias.default: elementwise(same),
    aten.detach.default: elementwise(same),
    aten.dropout.default: elementwise(same),
    aten._to_copy.default: elementwise(to_dtype),
    aten.to.dtype: elementwise(lambda x, dtype, *_: to_dtype(x, dtype)),
}
