"""Ops along axes: sums, means, maxima, softmax."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import torch
from aten_to_tf.layout import CHANNELS_LAST_AXIS, ChannelsLast, channels_first
from aten_to_tf.ops_elementwise import to_dtype

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


def add_up(x: Any, axes: Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """Sum up; whole numbers and truth values become int64, as in PyTorch."""
    return tf.reduce_sum(x if tf.as_dtype(x.dtype).is_floating else tf.cast(x, tf.int64), axes, keepdims)


OPS = {
    aten.mean.dim: reduction(tf.reduce_mean),
    aten.mean.default: whole(tf.reduce_mean),
    aten.sum.dim_IntList: reduction(add_up),
    aten.sum.default: whole(add_up),
    aten.amax.default: reduction(tf.reduce_max),
    aten.amin.default: reduction(tf.reduce_min),
    aten.softmax.int: along_axis(tf.nn.softmax),
    aten.log_softmax.int: along_axis(tf.nn.log_softmax),
}
