"""Ops that make images larger or smaller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import torch
from aten_to_tf.errors import UnsupportedSetting
from aten_to_tf.layout import image
from aten_to_tf.ops_conv import line
from aten_to_tf.ops_shape import as_shape, size, sizes_of

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
        return as_shape(sizes)
    if any(factor != int(factor) for factor in factors):
        # PyTorch then samples by the factor, TensorFlow by the ratio of the sizes, which is not quite the same.
        raise UnsupportedSetting(f"resizing by {list(factors)} is known for whole numbers only; give the size instead")
    return as_shape([size(x, axis) * int(factor) for axis, factor in zip((1, 2), factors, strict=True)])


def pixel_shuffle(x: Any, factor: int) -> Any:
    """x: (N, H, W, C * factor * factor), PyTorch's order of channels: C, row, column."""
    return tf.nn.depth_to_space(_swap_in_channels(x, x.shape[-1] // factor**2, factor**2), factor)


def pixel_unshuffle(x: Any, factor: int) -> Any:
    """x: (N, H, W, C)."""
    return _swap_in_channels(tf.nn.space_to_depth(x, factor), factor**2, x.shape[-1])


def _swap_in_channels(x: Any, outer: int, inner: int) -> Any:
    """x: (N, H, W, outer * inner) -> (N, H, W, inner * outer)."""
    image_sizes = sizes_of(x)[:3]
    x = tf.reshape(x, tf.stack([*image_sizes, outer, inner]))
    return tf.reshape(tf.transpose(x, (0, 1, 2, 4, 3)), tf.stack([*image_sizes, inner * outer]))


OPS = {
    aten.upsample_nearest2d.vec: image(nearest),
    aten.upsample_bilinear2d.vec: image(bilinear),
    aten.upsample_nearest1d.vec: line(nearest, neutral=(1, 1)),
    aten.upsample_linear1d.vec: line(bilinear, neutral=(1, None, 1)),
    aten.pixel_shuffle.default: image(pixel_shuffle),
    aten.pixel_unshuffle.default: image(pixel_unshuffle),
}
