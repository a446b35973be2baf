"""Ops that make images larger or smaller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import torch
from aten_to_tf.errors import UnsupportedSetting
from aten_to_tf.layout import image
from aten_to_tf.ops_conv import as_line, from_line
from aten_to_tf.ops_shape import size

aten = torch.ops.aten


def nearest(x: Any, sizes: Sequence[Any] | None, factors: Sequence[float] | None = None) -> Any:
    """x: (N, H, W, C)."""
    return tf.raw_ops.ResizeNearestNeighbor(images=x, size=_new_size(x, sizes, factors))


def bilinear(x: Any, sizes: Sequence[Any] | None, align_corners: bool, factors: Sequence[float] | None = None) -> Any:
    """x: (N, H, W, C)."""
    return tf.raw_ops.ResizeBilinear(
        images=x,
        size=_new_size(x, sizes, factors),
        align_corners=align_corners,
        half_pixel_centers=not align_corners,
    )


def _new_size(x: Any, sizes: Sequence[Any] | None, factors: Sequence[float] | None) -> Any:
    if sizes is not None:
        return tf.stack([tf.cast(s, tf.int32) for s in sizes])
    if any(factor != int(factor) for factor in factors):
        # PyTorch then samples by the factor, TensorFlow by the ratio of the sizes, which is not quite the same.
        raise UnsupportedSetting(f"resizing by {list(factors)} is known for whole numbers only; give the size instead")
    return tf.stack([size(x, axis) * int(factor) for axis, factor in zip((1, 2), factors, strict=True)])


def line(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an op over (N, C, length) sequences of one over images: they are images of height 1."""

    def op(x: Any, sizes: Sequence[Any] | None, *settings: Any) -> Any:
        *flags, factors = settings
        wide_sizes = None if sizes is None else [1, *sizes]
        return from_line(function(as_line(x), wide_sizes, *flags, None if factors is None else [1, *factors]))

    return op


def pixel_shuffle(x: Any, factor: int) -> Any:
    """x: (N, H, W, C * factor * factor), PyTorch's order of channels: C, row, column."""
    n, height, width = (size(x, axis) for axis in range(3))
    channels = x.shape[-1] // factor**2
    x = tf.reshape(x, tf.stack([n, height, width, channels, factor * factor]))
    x = tf.reshape(tf.transpose(x, (0, 1, 2, 4, 3)), tf.stack([n, height, width, channels * factor**2]))
    return tf.nn.depth_to_space(x, factor)


def pixel_unshuffle(x: Any, factor: int) -> Any:
    """x: (N, H, W, C)."""
    channels = x.shape[-1]
    x = tf.nn.space_to_depth(x, factor)
    n, height, width = (size(x, axis) for axis in range(3))
    x = tf.reshape(x, tf.stack([n, height, width, factor * factor, channels]))
    return tf.reshape(tf.transpose(x, (0, 1, 2, 4, 3)), tf.stack([n, height, width, channels * factor**2]))


OPS = {
    aten.upsample_nearest2d.vec: image(nearest),
    aten.upsample_bilinear2d.vec: image(bilinear),
    aten.upsample_nearest1d.vec: line(nearest),
    aten.upsample_linear1d.vec: line(bilinear),
    aten.pixel_shuffle.default: image(pixel_shuffle),
    aten.pixel_unshuffle.default: image(pixel_unshuffle),
}
