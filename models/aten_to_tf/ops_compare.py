"""Comparisons, logic, and what chooses by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import torch
from aten_to_tf.errors import UnsupportedSetting
from aten_to_tf.layout import elementwise, overloads
from aten_to_tf.ops_elementwise import binary, promote

aten = torch.ops.aten


def logical(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an op of truth values; numbers are true unless they are zero."""
    return elementwise(lambda *tensors: function(*[tf.cast(x, tf.bool) for x in tensors]))


def bitwise(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Make an op of bits, which is known for truth values only: the others have no TensorFlow Lite counterpart."""

    def op(*tensors: Any) -> Any:
        if any(tf.as_dtype(x.dtype) != tf.bool for x in tensors):
            raise UnsupportedSetting(f"{name} is known for bool only")
        return function(*tensors)

    return elementwise(op)


def where(condition: Any, a: Any, b: Any) -> Any:
    return tf.where(tf.cast(condition, tf.bool), *promote(a, b))


def masked_fill(x: Any, mask: Any, value: Any) -> Any:
    return tf.where(mask, tf.cast(value, x.dtype), x)


OPS = {
    **overloads(aten.eq, binary(tf.equal)),
    **overloads(aten.ne, binary(tf.not_equal)),
    **overloads(aten.lt, binary(tf.less)),
    **overloads(aten.le, binary(tf.less_equal)),
    **overloads(aten.gt, binary(tf.greater)),
    **overloads(aten.ge, binary(tf.greater_equal)),
    aten.logical_not.default: logical(tf.logical_not),
    aten.logical_and.default: logical(tf.logical_and),
    aten.logical_or.default: logical(tf.logical_or),
    aten.logical_xor.default: logical(tf.not_equal),
    aten.bitwise_not.default: bitwise(tf.logical_not, "bitwise_not"),
    aten.bitwise_and.Tensor: bitwise(tf.logical_and, "bitwise_and"),
    aten.bitwise_or.Tensor: bitwise(tf.logical_or, "bitwise_or"),
    aten.bitwise_xor.Tensor: bitwise(tf.not_equal, "bitwise_xor"),
    aten.isnan.default: elementwise(lambda x: tf.not_equal(x, x)),
    aten.isinf.default: elementwise(lambda x: tf.equal(tf.abs(x), float("inf"))),
    **overloads(aten.where, elementwise(where), ("self", "ScalarOther", "ScalarSelf", "Scalar")),
    **overloads(aten.masked_fill, elementwise(masked_fill)),
}
