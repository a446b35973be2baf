"""Ops that move elements without changing them: shapes, orders of axes, joining."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import torch
from aten_to_tf.errors import UnsupportedSetting
from aten_to_tf.layout import CHANNELS_LAST_AXIS, ChannelsLast, channels_last, overloads, plain, transpose

aten = torch.ops.aten


def size(x: Any, axis: int) -> Any:
    """Give a size as a number where it is fixed, else as a scalar tensor."""
    if isinstance(x, ChannelsLast):
        return size(x.value, CHANNELS_LAST_AXIS[axis % 4])
    fixed = x.shape[axis]
    return tf.shape(x)[axis] if fixed is None else int(fixed)


def sizes_of(x: Any) -> list[Any]:
    return [size(x, axis) for axis in range(len(x.shape))]


def as_shape(sizes: Sequence[Any]) -> Any:
    """Make a shape of numbers and scalar tensors."""
    return list(sizes) if all(isinstance(s, int) for s in sizes) else tf.stack([tf.cast(s, tf.int32) for s in sizes])


def reshape(x: Any, sizes: Sequence[Any]) -> Any:
    """Reshape; a single free size is left to TensorFlow, so that the rest is fixed."""
    free = [not isinstance(s, int) for s in sizes]
    if sum(free) == 1 and all(s > 0 for s in sizes if isinstance(s, int)):
        sizes = [-1 if is_free else s for s, is_free in zip(sizes, free, strict=True)]
    return tf.reshape(x, as_shape(sizes))


def permute(x: Any, axes: Sequence[int]) -> Any:
    if isinstance(x, ChannelsLast):
        return transpose(x.value, [CHANNELS_LAST_AXIS[axis % 4] for axis in axes])
    axes = [axis % len(axes) for axis in axes]
    if axes == [0, 3, 1, 2] and not isinstance(x, np.ndarray):
        return ChannelsLast(x)  # back from PyTorch's channels-last: the data lies there as an image already
    return transpose(x, axes)


def swap_axes(x: Any, a: int, b: int) -> Any:
    rank = 4 if isinstance(x, ChannelsLast) else len(x.shape)
    axes = list(range(rank))
    axes[a], axes[b] = axes[b], axes[a]
    return permute(x, axes)


def squeeze(x: Any, axes: int | Sequence[int]) -> Any:
    """Drop axes of size 1; PyTorch leaves the others of those named alone."""
    rank = len(x.shape)
    named = [a % rank for a in ([axes] if isinstance(axes, int) else axes)]
    gone = {axis for axis in named if x.shape[axis] == 1}
    # As a reshape: TensorFlow Lite's converter has no squeeze beside two free axes.
    return reshape(x, [size(x, axis) for axis in range(rank) if axis not in gone]) if gone else x


def cat(tensors: Sequence[Any], axis: int = 0) -> Any:
    if any(isinstance(x, ChannelsLast) for x in tensors):
        return ChannelsLast(tf.concat([channels_last(x) for x in tensors], CHANNELS_LAST_AXIS[axis % 4]))
    return tf.concat(tensors, axis)


def expand(x: Any, sizes: Sequence[Any], implicit: bool = False) -> Any:
    added = len(sizes) - len(x.shape)
    kept = [size(x, i - added) if isinstance(s, int) and s == -1 else s for i, s in enumerate(sizes)]
    if not added and all(isinstance(s, int) and s == own for s, own in zip(kept, x.shape, strict=True)):
        return x
    return tf.broadcast_to(x, as_shape(kept))


def repeat(x: Any, counts: Sequence[int]) -> Any:
    for _ in range(len(counts) - len(x.shape)):
        x = tf.expand_dims(x, 0)
    return tf.tile(x, as_shape(counts))


def last(axis: int, rank: int) -> tuple[list[int], list[int]]:
    """Give the order of axes that puts one of them last, and the order that puts it back."""
    order = [*[a for a in range(rank) if a != axis % rank], axis % rank]
    return order, [order.index(a) for a in range(rank)]


def flip(x: Any, axes: Sequence[int]) -> Any:
    for axis in axes:  # one by one: TensorFlow Lite takes only neighbours together
        x = tf.reverse(x, [axis])
    return x


def roll(x: Any, shifts: Sequence[int], axes: Sequence[int] = ()) -> Any:
    """Shift elements along axes; what leaves at one end comes in at the other."""
    if not axes:
        raise UnsupportedSetting("roll is known with axes only")
    for shift, axis in zip(shifts, axes, strict=True):
        head = [slice(None)] * (axis % len(x.shape))
        length = size(x, axis)
        cut = length - shift % length
        x = tf.concat([x[(*head, slice(cut, None))], x[(*head, slice(None, cut))]], axis)
    return x


def pad(x: Any, padding: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """padding: (before, after) pairs from the last axis on, as PyTorch counts."""
    if mode not in ("constant", "reflect"):
        raise UnsupportedSetting(f'padding in mode "{mode}" is not known; use "constant" or "reflect"')
    pairs = [list(padding[i : i + 2]) for i in range(0, len(padding), 2)][::-1]
    return tf.pad(x, [[0, 0]] * (len(x.shape) - len(pairs)) + pairs, mode.upper(), constant_values=value or 0)


def sym_max(a: Any, b: Any) -> Any:
    return max(a, b) if isinstance(a, int) and isinstance(b, int) else tf.maximum(a, b)


def sym_min(a: Any, b: Any) -> Any:
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else tf.minimum(a, b)


OPS = {
    operator.getitem: lambda x, index: x[index],
    **{op: op for op in (operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod)},
    torch.sym_max: sym_max,
    torch.sym_min: sym_min,
    aten.sym_size.int: size,
    aten.view.default: plain(reshape),
    aten._unsafe_view.default: plain(reshape),
    aten.permute.default: permute,
    aten.transpose.int: swap_axes,
    aten.t.default: plain(lambda x: x if len(x.shape) < 2 else transpose(x, (1, 0))),
    **overloads(aten.squeeze, plain(squeeze), ("dim", "dims")),
    aten.unsqueeze.default: plain(tf.expand_dims),
    aten.expand.default: plain(expand),
    aten.cat.default: cat,
    aten.repeat.default: plain(repeat),
    aten.flip.default: plain(flip),
    aten.roll.default: plain(roll),
    aten.stack.default: plain(lambda tensors, axis=0: tf.stack(tensors, axis)),
    aten.pad.default: plain(pad),
    aten.constant_pad_nd.default: plain(lambda x, padding, value=0: pad(x, padding, value=value)),
}
