"""Ops that put in order or find the greatest. Places are int64, as in PyTorch; among equals the first is found."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import torch
from aten_to_tf.layout import plain
from aten_to_tf.ops_shape import last, permute, size

aten = torch.ops.aten


def topk(x: Any, count: Any, axis: int = -1, largest: bool = True, is_sorted: bool = True) -> tuple[Any, Any]:
    order, back = last(axis, len(x.shape))
    x = permute(x, order)
    values, places = tf.math.top_k(x if largest else -x, count)
    values = values if largest else -values
    return permute(values, back), tf.cast(permute(places, back), tf.int64)


def sort(x: Any, axis: int = -1, descending: bool = False) -> tuple[Any, Any]:
    return topk(x, size(x, axis), axis, largest=descending)


def argsort(x: Any, axis: int = -1, descending: bool = False) -> Any:
    return sort(x, axis, descending)[1]


def place_of(function: Any) -> Any:
    """Make argmax or argmin; without an axis the place is that in the flattened tensor."""

    def op(x: Any, axis: int | None = None, keepdim: bool = False) -> Any:
        if axis is None:
            return function(tf.reshape(x, (-1,)), 0, output_type=tf.int64)
        places = function(x, axis, output_type=tf.int64)
        return tf.expand_dims(places, axis) if keepdim else places

    return op


def extreme(reduce: Any, place: Any) -> Any:
    """Make max.dim or min.dim: values and places."""
    return lambda x, axis, keepdim=False: (reduce(x, axis, keepdims=keepdim), place(x, axis, keepdim))


argmax, argmin = place_of(tf.argmax), place_of(tf.argmin)

OPS = {
    aten.topk.default: plain(topk),
    aten.sort.default: plain(sort),
    aten.argsort.default: plain(argsort),
    aten.argmax.default: plain(argmax),
    aten.argmin.default: plain(argmin),
    aten.max.dim: plain(extreme(tf.reduce_max, argmax)),
    aten.min.dim: plain(extreme(tf.reduce_min, argmin)),
}
