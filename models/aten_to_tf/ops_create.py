"""Ops that make tensors of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import torch
from aten_to_tf.layout import overloads, plain
from aten_to_tf.ops_elementwise import TF_DTYPES, dtype_of
from aten_to_tf.ops_shape import as_shape, sizes_of

aten = torch.ops.aten


def full(sizes: Sequence[Any], value: Any, dtype: torch.dtype | None = None, **_: Any) -> Any:
    return tf.fill(as_shape(sizes), scalar_tensor(value, dtype))


def new_full(x: Any, sizes: Sequence[Any], value: Any, dtype: torch.dtype | None = None, **_: Any) -> Any:
    return full(sizes, tf.cast(value, x.dtype if dtype is None else TF_DTYPES[dtype]))


def full_like(x: Any, value: Any, **settings: Any) -> Any:
    return new_full(x, sizes_of(x), value, **settings)


def arange(*limits: Any, dtype: torch.dtype | None = None, **_: Any) -> Any:
    """limits: end; start, end; or start, end, step; numbers or sizes."""
    is_integer = not any(isinstance(limit, float) for limit in limits)
    kind = (tf.int64 if is_integer else tf.float32) if dtype is None else TF_DTYPES[dtype]
    # In int32, which sizes are, then cast: TensorFlow Lite counts in int32, int64 and float32.
    counted = tf.range(*limits, dtype=tf.int32 if is_integer else tf.float32)
    return tf.cast(counted, kind)


def scalar_tensor(value: Any, dtype: torch.dtype | None = None, **_: Any) -> Any:
    return tf.cast(value, dtype_of(value) if dtype is None else TF_DTYPES[dtype])


OPS = {
    aten.full.default: plain(full),
    aten.zeros.default: plain(lambda sizes, **k: full(sizes, 0.0, **k)),
    aten.ones.default: plain(lambda sizes, **k: full(sizes, 1.0, **k)),
    aten.empty.memory_format: plain(lambda sizes, **k: full(sizes, 0.0, **k)),
    aten.full_like.default: plain(full_like),
    aten.zeros_like.default: plain(lambda x, **k: full_like(x, 0, **k)),
    aten.ones_like.default: plain(lambda x, **k: full_like(x, 1, **k)),
    aten.empty_like.default: plain(lambda x, **k: full_like(x, 0, **k)),
    aten.new_full.default: plain(new_full),
    aten.new_zeros.default: plain(lambda x, sizes, **k: new_full(x, sizes, 0, **k)),
    aten.new_ones.default: plain(lambda x, sizes, **k: new_full(x, sizes, 1, **k)),
    **overloads(aten.arange, arange, ("default", "start", "start_step")),
    aten.scalar_tensor.default: scalar_tensor,
}
