"""Ops that make tensors of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import torch
from aten_to_tf.layout import plain
from aten_to_tf.ops_elementwise import TF_DTYPES, is_tensor
from aten_to_tf.ops_shape import size

aten = torch.ops.aten


def full(sizes: Sequence[Any], value: Any, dtype: torch.dtype | None = None, **_: Any) -> Any:
    value = tf.cast(value, _dtype_of(value) if dtype is None else TF_DTYPES[dtype])
    if all(isinstance(s, int) for s in sizes):
        return tf.fill(list(sizes), value)
    return tf.fill(tf.stack([tf.cast(s, tf.int32) for s in sizes]), value)


def full_like(x: Any, value: Any, dtype: torch.dtype | None = None, **_: Any) -> Any:
    sizes = [size(x, axis) for axis in range(len(x.shape))]
    return full(sizes, tf.cast(value, x.dtype if dtype is None else TF_DTYPES[dtype]))


def arange(*limits: Any, dtype: torch.dtype | None = None, **_: Any) -> Any:
    """limits: end; start, end; or start, end, step; numbers or sizes."""
    is_integer = not any(isinstance(limit, float) for limit in limits)
    kind = (tf.int64 if is_integer else tf.float32) if dtype is None else TF_DTYPES[dtype]
    # In int32, which sizes are, then cast: TensorFlow Lite counts in int32, int64 and float32.
    counted = tf.range(*limits, dtype=tf.int32 if is_integer else tf.float32)
    return tf.cast(counted, kind)


def scalar_tensor(value: Any, dtype: torch.dtype | None = None, **_: Any) -> Any:
    return tf.cast(value, _dtype_of(value) if dtype is None else TF_DTYPES[dtype])


def _dtype_of(value: Any) -> tf.DType:
    """Give the dtype PyTorch takes for a number."""
    if is_tensor(value):
        return tf.as_dtype(value.dtype)
    if isinstance(value, bool | np.bool_):
        return tf.bool
    return tf.int64 if isinstance(value, int) else tf.float32


OPS = {
    aten.full.default: plain(full),
    aten.zeros.default: plain(lambda sizes, **k: full(sizes, 0.0, **k)),
    aten.ones.default: plain(lambda sizes, **k: full(sizes, 1.0, **k)),
    aten.empty.memory_format: plain(lambda sizes, **k: full(sizes, 0.0, **k)),
    aten.full_like.default: plain(full_like),
    aten.zeros_like.default: plain(lambda x, **k: full_like(x, 0, **k)),
    aten.ones_like.default: plain(lambda x, **k: full_like(x, 1, **k)),
    aten.empty_like.default: plain(lambda x, **k: full_like(x, 0, **k)),
    aten.new_full.default: plain(
        lambda x, sizes, value, dtype=None, **_: full(
            sizes, tf.cast(value, x.dtype if dtype is None else TF_DTYPES[dtype])
        )
    ),
    aten.new_zeros.default: plain(
        lambda x, sizes, dtype=None, **_: full(sizes, tf.zeros([], x.dtype if dtype is None else TF_DTYPES[dtype]))
    ),
    aten.new_ones.default: plain(
        lambda x, sizes, dtype=None, **_: full(sizes, tf.ones([], x.dtype if dtype is None else TF_DTYPES[dtype]))
    ),
    aten.arange.default: arange,
    aten.arange.start: arange,
    aten.arange.start_step: arange,
    aten.scalar_tensor.default: scalar_tensor,
}
