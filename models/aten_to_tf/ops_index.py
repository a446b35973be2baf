"""Ops that take or replace a part of a tensor: slices, lookups by index, splits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import torch
from aten_to_tf.errors import UnsupportedSetting
from aten_to_tf.layout import CHANNELS_LAST_AXIS, ChannelsLast, channels_last, plain
from aten_to_tf.ops_shape import expand, last, permute, size, sizes_of, sym_max

aten = torch.ops.aten

_NO_END = 2**31 - 1
"""An end beyond any size; PyTorch writes x[1:] with the greatest int64."""


def take_slice(x: Any, axis: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    """Take a slice along one axis; start and end are numbers or sizes."""
    if isinstance(x, ChannelsLast):
        return ChannelsLast(take_slice(x.value, CHANNELS_LAST_AXIS[axis % 4], start, end, step))
    start = None if isinstance(start, int) and start == 0 else start
    end = None if isinstance(end, int) and end >= _NO_END else end
    if start is None and end is None and step == 1:
        return x
    if any(tf.is_tensor(limit) for limit in (start, end)):
        x = tf.convert_to_tensor(x)
    return x[(*[slice(None)] * (axis % len(x.shape)), slice(start, end, step))]


def select(x: Any, axis: int, index: Any) -> Any:
    if tf.is_tensor(index):
        x = tf.convert_to_tensor(x)
    return x[(*[slice(None)] * (axis % len(x.shape)), index)]


def replace_slice(x: Any, part: Any, axis: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    """Put a part in the place of a slice, as x[:, 1:3] = part does."""
    if isinstance(x, ChannelsLast) or isinstance(part, ChannelsLast):
        axis = CHANNELS_LAST_AXIS[axis % 4]
        return ChannelsLast(replace_slice(channels_last(x), channels_last(part), axis, start, end, step))
    if step != 1:
        raise UnsupportedSetting("an assignment to every second place, or rarer, is not known; use torch.stack")
    start = 0 if start is None else start
    if isinstance(start, int) and start < 0:
        start = sym_max(start + size(x, axis), 0)
    # The end is where the part ends: PyTorch allows numbers beyond the axis.
    end = start + size(part, axis)
    pieces = [part] if isinstance(start, int) and start == 0 else [take_slice(x, axis, None, start), part]
    if not (isinstance(end, int) and end == x.shape[axis]):
        pieces.append(take_slice(x, axis, end, None))
    return tf.concat(pieces, axis)


def replace_index(x: Any, part: Any, axis: int, index: Any) -> Any:
    """Put a part in the place of one index, as x[:, 1] = part does."""
    return replace_slice(x, tf.expand_dims(part, axis % len(x.shape)), axis, index)


def copy(x: Any, source: Any, non_blocking: bool = False) -> Any:
    """Give the source with the shape and the dtype of x."""
    return expand(tf.cast(source, x.dtype), sizes_of(x))


def embedding(table: Any, indices: Any, *_: Any) -> Any:
    """table: (rows, width)."""
    return tf.gather(table, indices)


def gather(x: Any, axis: int, indices: Any, sparse_grad: bool = False) -> Any:
    """Look up along one axis, with indices of their own at every place of the others."""
    rank = len(x.shape)
    order, back = last(axis, rank)
    x, indices = permute(x, order), permute(indices, order)
    for other in range(rank - 1):  # PyTorch lets the indices cover less of the other axes
        if x.shape[other] != indices.shape[other]:
            x = take_slice(x, other, None, size(indices, other))
    return permute(tf.gather(x, indices, batch_dims=rank - 1), back)


def index(x: Any, indices: Sequence[Any]) -> Any:
    """Look up by tensors, as x[:, a, b] does: None keeps an axis."""
    named = {axis: i for axis, i in enumerate(indices) if i is not None}
    if any(tf.as_dtype(i.dtype) == tf.bool for i in named.values()):
        raise UnsupportedSetting("an index of bool makes a shape that depends on values; use torch.where or a product")
    axes = list(named)
    places = [_not_negative(i, size(x, axis)) for axis, i in named.items()]
    if len(axes) == 1:
        return tf.gather(x, places[0], axis=axes[0])
    rest = [axis for axis in range(len(x.shape)) if axis not in named]
    found = tf.gather_nd(permute(x, [*axes, *rest]), tf.stack(_broadcast(places), axis=-1))
    is_together = axes == list(range(axes[0], axes[-1] + 1))
    if not is_together or axes[0] == 0:
        return found
    added = len(found.shape) - len(rest)  # the axes of the indices, which go where the first of them stood
    before = axes[0]
    order = [*range(added, added + before), *range(added), *range(added + before, len(found.shape))]
    return permute(found, order)


def split_sizes(x: Any, sizes: Sequence[int], axis: int = 0) -> list[Any]:
    if isinstance(x, ChannelsLast):
        return [ChannelsLast(part) for part in split_sizes(x.value, sizes, CHANNELS_LAST_AXIS[axis % 4])]
    return tf.split(x, list(sizes), axis)


def split(x: Any, piece: int, axis: int = 0) -> list[Any]:
    whole = size(x, axis)
    if not isinstance(whole, int):
        raise UnsupportedSetting("the axis that is split is free, so that the number of parts is too; use slices")
    return split_sizes(x, [min(piece, whole - start) for start in range(0, whole, piece)], axis)


def _not_negative(indices: Any, length: Any) -> Any:
    """Count from the front: PyTorch's -1 is the last."""
    length = tf.cast(length, indices.dtype)
    return tf.where(indices < 0, indices + length, indices)


def _broadcast(tensors: Sequence[Any]) -> list[Any]:
    zero = sum(x * 0 for x in tensors)
    return [x + zero for x in tensors]


OPS = {
    aten.slice.Tensor: take_slice,
    aten.select.int: plain(select),
    aten.slice_scatter.default: replace_slice,
    aten.select_scatter.default: plain(replace_index),
    aten.copy.default: plain(copy),
    aten.embedding.default: plain(embedding),
    aten.index_select.default: plain(lambda x, axis, indices: tf.gather(x, indices, axis=axis)),
    aten.gather.default: plain(gather),
    aten.index.Tensor: plain(index),
    aten.split_with_sizes.default: split_sizes,
    aten.split.Tensor: split,
    aten.unbind.int: plain(lambda x, axis=0: tf.unstack(x, axis=axis)),
}
