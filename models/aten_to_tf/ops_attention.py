"""Scaled dot product attention by its parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import torch
from aten_to_tf.layout import plain
from aten_to_tf.ops_shape import size, sizes_of

aten = torch.ops.aten


def attention(
    query: Any,
    key: Any,
    value: Any,
    mask: Any = None,
    dropout: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """query: (..., heads, length, width), key and value: (..., heads, source, width), mask: added, or True to look."""
    if enable_gqa:
        key, value = (_repeat_heads(x, query.shape[-3] // x.shape[-3]) for x in (key, value))
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = tf.matmul(query * tf.cast(scale, query.dtype), key, transpose_b=True)
    if is_causal:
        mask = _causal_mask(size(query, -2), size(key, -2))
    if mask is None:
        return tf.matmul(tf.nn.softmax(scores), value)
    if mask.dtype == bool:
        mask = tf.where(mask, tf.zeros([], scores.dtype), tf.constant(-np.inf, scores.dtype))
    result = tf.matmul(tf.nn.softmax(scores + mask), value)
    if is_causal:  # the first position is seen by all
        return result
    # PyTorch gives zeros where a query may look at nothing; softmax would give NaN.
    sees_something = tf.reduce_max(mask, -1, keepdims=True) > tf.constant(-np.inf, scores.dtype)
    return tf.where(sees_something, result, tf.zeros([], result.dtype))


def _causal_mask(length: Any, source: Any) -> Any:
    """Make (length, source): True where a query may look, which is at its own position and before."""
    return tf.expand_dims(tf.range(length), 1) >= tf.expand_dims(tf.range(source), 0)


def _repeat_heads(x: Any, count: int) -> Any:
    """x: (..., heads, source, width); each head count times in a row."""
    sizes = sizes_of(x)
    together = [*sizes[:-3], sizes[-3] * count, *sizes[-2:]]
    return tf.reshape(tf.stack([x] * count, axis=-3), tf.stack(together))


OPS = {aten.scaled_dot_product_attention.default: plain(attention)}
