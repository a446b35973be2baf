"""Ops along axes: sums, means, maxima, softmax."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import torch
from aten_to_tf.errors import UnsupportedSetting
from aten_to_tf.layout import CHANNELS_LAST_AXIS, ChannelsLast, channels_first, overloads, plain
from aten_to_tf.ops_elementwise import to_dtype
from aten_to_tf.ops_shape import size

aten = torch.ops.aten


def reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an op that reduces axes; an image is reduced where it lies if the order of what is left allows it."""

    def op(
        x: Any, axes: Sequence[int] | int | None = None, keepdim: bool = False, dtype: torch.dtype | None = None
    ) -> Any:
        rank = 4 if isinstance(x, ChannelsLast) else len(x.shape)
        chosen = (axes,) if isinstance(axes, int) else tuple(axes or range(rank))
        chosen = {axis % rank for axis in chosen}
        if isinstance(x, ChannelsLast):
            own_axes = [CHANNELS_LAST_AXIS[axis] for axis in chosen]
            value = to_dtype(x.value, dtype)
            if keepdim:
                return ChannelsLast(function(value, own_axes, keepdims=True))
            if 1 in chosen or chosen >= {2, 3}:
                return function(value, own_axes)
        return function(to_dtype(channels_first(x), dtype), sorted(chosen), keepdims=keepdim)

    return op


def whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an op that reduces a whole tensor to one number."""

    def op(x: Any, dtype: torch.dtype | None = None) -> Any:
        return function(to_dtype(x.value if isinstance(x, ChannelsLast) else x, dtype))

    return op


def along_axis(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an op that works along one axis and keeps the shape."""

    def op(x: Any, axis: int, dtype: torch.dtype | None = None) -> Any:
        if isinstance(x, ChannelsLast):
            return ChannelsLast(function(to_dtype(x.value, dtype), CHANNELS_LAST_AXIS[axis % 4]))
        return function(to_dtype(x, dtype), axis)

    return op


def long(function: Callable[..., Any]) -> Callable[..., Any]:
    """Have a function add or multiply whole numbers and truth values in int64, as PyTorch does with many."""
    return lambda x, *axes, **settings: function(
        x if tf.as_dtype(x.dtype).is_floating else tf.cast(x, tf.int64), *axes, **settings
    )


def truth(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an op of truth values; numbers are true unless they are zero."""
    return lambda x, axes=None, keepdims=False: function(tf.cast(x, tf.bool), axes, keepdims)


def variance(x: Any, axes: Any = None, correction: float | None = None, keepdim: bool = False) -> Any:
    """Divide by the count less the correction, which is 1 unless told."""
    axes = list(range(len(x.shape))) if axes is None else axes
    centred = x - tf.reduce_mean(x, axes, keepdims=True)
    count = tf.cast(tf.reduce_prod([size(x, axis) for axis in axes]), x.dtype)
    return tf.reduce_sum(tf.square(centred), axes, keepdims=keepdim) / (
        count - (1 if correction is None else correction)
    )


def norm(x: Any, order: float = 2, axes: Any = None, keepdim: bool = False, dtype: torch.dtype | None = None) -> Any:
    """Take the vector norm of order 1, 2 or infinity."""
    x = to_dtype(x, dtype)
    if order == 2:
        return tf.sqrt(tf.reduce_sum(tf.square(x), axes, keepdims=keepdim))
    if order == 1:
        return tf.reduce_sum(tf.abs(x), axes, keepdims=keepdim)
    if order == float("inf"):
        return tf.reduce_max(tf.abs(x), axes, keepdims=keepdim)
    raise UnsupportedSetting(f"a norm of order {order} is not known; 1, 2 and infinity are")


OPS = {
    aten.mean.dim: reduction(tf.reduce_mean),
    aten.mean.default: whole(tf.reduce_mean),
    aten.sum.dim_IntList: reduction(long(tf.reduce_sum)),
    aten.sum.default: whole(long(tf.reduce_sum)),
    aten.amax.default: reduction(tf.reduce_max),
    aten.amin.default: reduction(tf.reduce_min),
    aten.prod.dim_int: reduction(long(tf.reduce_prod)),
    aten.prod.default: whole(long(tf.reduce_prod)),
    aten.max.default: whole(tf.reduce_max),
    aten.min.default: whole(tf.reduce_min),
    aten.any.default: whole(truth(tf.reduce_any)),
    **overloads(aten.any, reduction(truth(tf.reduce_any)), ("dim", "dims")),
    aten.all.default: whole(truth(tf.reduce_all)),
    **overloads(aten.all, reduction(truth(tf.reduce_all)), ("dim", "dims")),
    aten.logsumexp.default: reduction(tf.reduce_logsumexp),
    aten.var.correction: plain(variance),
    aten.std.correction: plain(lambda x, axes=None, **settings: tf.sqrt(variance(x, axes, **settings))),
    aten.linalg_vector_norm.default: plain(norm),
    aten.cumsum.default: along_axis(long(tf.cumsum)),
    aten.softmax.int: along_axis(tf.nn.softmax),
    aten.log_softmax.int: along_axis(tf.nn.log_softmax),
}
