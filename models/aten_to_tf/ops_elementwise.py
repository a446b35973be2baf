"""Ops that treat every element alike: arithmetic, casts, copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import torch
from aten_to_tf.layout import elementwise, overloads

aten = torch.ops.aten

TF_DTYPES = {
    getattr(torch, name): tf.as_dtype(name)
    for name in ("float32", "float64", "float16", "int64", "int32", "int8", "uint8", "bool")
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
    dtype = dtype_of(max(a, b, key=_rank))
    return tf.cast(a, dtype), tf.cast(b, dtype)


def dtype_of(x: Any) -> tf.DType:
    """Give an operand's dtype; for a number PyTorch's default."""
    if is_tensor(x):
        return tf.as_dtype(x.dtype)
    if isinstance(x, bool | np.bool_):
        return tf.bool
    return tf.float32 if isinstance(x, float | np.floating) else tf.int64


def _rank(x: Any) -> tuple[int, int, int]:
    """Give an operand's kind, its weight and its size: whose are the greatest decides on the dtype."""
    dtype = dtype_of(x)
    weight = 0 if not is_tensor(x) else 1 if len(x.shape) == 0 else 2
    return 2 if dtype.is_floating else 1 if dtype.is_integer else 0, weight, dtype.size


def binary(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
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
        # Towards zero, by way of the absolute values: TensorFlow Lite rounds down only.
        return tf.sign(a) * tf.sign(b) * tf.math.floordiv(tf.abs(a), tf.abs(b))
    if not a.dtype.is_floating:
        a, b = tf.cast(a, tf.float32), tf.cast(b, tf.float32)
    return tf.divide(a, b)


def power(x: Any, exponent: Any) -> Any:
    if isinstance(exponent, int | float) and exponent in (0.5, 2, 3) and tf.as_dtype(x.dtype).is_floating:
        return tf.sqrt(x) if exponent == 0.5 else tf.square(x) if exponent == 2 else tf.square(x) * x
    return tf.pow(*promote(x, exponent))


def as_float(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Make an op of a function of floats; whole numbers become float32, as in PyTorch."""
    return elementwise(lambda x: function(x if tf.as_dtype(x.dtype).is_floating else tf.cast(x, tf.float32)))


def clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    """min, max: numbers or tensors."""
    if isinstance(min, int | float) and min == 0 and max is None:
        return tf.nn.relu(x)
    x = x if min is None else tf.maximum(*promote(x, min))
    return x if max is None else tf.minimum(*promote(x, max))


def is_tensor(x: Any) -> bool:
    return isinstance(x, np.ndarray) or tf.is_tensor(x)


OPS = {
    **overloads(aten.add, binary(tf.add)),
    **overloads(aten.sub, binary(tf.subtract)),
    aten.rsub.Scalar: binary(lambda a, b: b - a),
    **overloads(aten.mul, binary(tf.multiply)),
    aten.maximum.default: binary(tf.maximum),
    aten.minimum.default: binary(tf.minimum),
    **overloads(aten.div, elementwise(divide), ("Tensor", "Scalar", "Tensor_mode", "Scalar_mode")),
    aten.floor_divide.default: elementwise(lambda a, b: divide(a, b, "floor")),
    **overloads(aten.remainder, binary(tf.math.floormod)),
    **overloads(aten.fmod, elementwise(lambda a, b: a - b * divide(a, b, "trunc"))),
    **overloads(aten.pow, elementwise(power), ("Tensor_Scalar", "Tensor_Tensor", "Scalar")),
    aten.square.default: elementwise(tf.square),
    aten.reciprocal.default: as_float(tf.math.reciprocal),
    aten.neg.default: elementwise(tf.negative),
    aten.abs.default: elementwise(tf.abs),
    aten.sign.default: elementwise(tf.sign),
    aten.floor.default: elementwise(tf.floor),
    aten.ceil.default: elementwise(tf.math.ceil),
    aten.round.default: elementwise(tf.round),
    aten.trunc.default: elementwise(lambda x: tf.sign(x) * tf.floor(tf.abs(x))),
    aten.exp.default: as_float(tf.exp),
    aten.expm1.default: as_float(tf.math.expm1),
    aten.log.default: as_float(tf.math.log),
    aten.log1p.default: as_float(tf.math.log1p),
    aten.log2.default: as_float(lambda x: tf.math.log(x) * float(np.log2(np.e))),
    aten.log10.default: as_float(lambda x: tf.math.log(x) * float(np.log10(np.e))),
    aten.sqrt.default: as_float(tf.sqrt),
    aten.rsqrt.default: as_float(tf.math.rsqrt),
    aten.sin.default: as_float(tf.sin),
    aten.cos.default: as_float(tf.cos),
    aten.erf.default: as_float(tf.math.erf),
    **overloads(aten.clamp, elementwise(clamp), ("default", "Tensor")),
    aten.clamp_min.default: elementwise(clamp),
    aten.clamp_max.default: elementwise(lambda x, max: clamp(x, None, max)),
    **dict.fromkeys((aten.clone.default, aten.alias.default, aten.detach.default), elementwise(same)),
    aten._to_copy.default: elementwise(to_dtype),
    aten.type_as.default: elementwise(lambda x, other: tf.cast(x, other.dtype)),
}
