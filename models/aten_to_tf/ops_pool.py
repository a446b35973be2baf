"""Pooling over images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import torch
from aten_to_tf.errors import UnsupportedSetting
from aten_to_tf.layout import image
from aten_to_tf.ops_conv import pad_image, pair, same_padding_fits

aten = torch.ops.aten


def max_pool2d(
    x: Any,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    ceil_mode: bool = False,
) -> Any:
    """x: (N, H, W, C)."""
    _refuse_ceil_mode(ceil_mode)
    if pair(dilation) != (1, 1):
        raise UnsupportedSetting("max_pool2d is known without dilation only")
    kernel, stride, padding = pair(kernel), pair(stride or kernel), pair(padding)
    if same_padding_fits(kernel, stride, padding):
        return tf.nn.max_pool2d(x, kernel, stride, "SAME")
    # Repeating the border is exact, since a window over the border always reaches the pixels that are repeated
    # (PyTorch pads at most half a window), and it keeps minus infinity out of the ranges of quantised formats.
    return tf.nn.max_pool2d(pad_image(x, padding, mode="SYMMETRIC"), kernel, stride, "VALID")


def avg_pool2d(
    x: Any,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0, 0),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """x: (N, H, W, C)."""
    _refuse_ceil_mode(ceil_mode)
    kernel, stride, padding = pair(kernel), pair(stride or kernel), pair(padding)
    if divisor_override is not None:
        factor = kernel[0] * kernel[1] / divisor_override
        return factor * tf.nn.avg_pool2d(pad_image(x, padding), kernel, stride, "VALID")
    if any(padding) and not count_include_pad:
        if not same_padding_fits(kernel, stride, padding):
            raise UnsupportedSetting("avg_pool2d with stride and padding is known with count_include_pad=True only")
        return tf.nn.avg_pool2d(x, kernel, stride, "SAME")
    return tf.nn.avg_pool2d(pad_image(x, padding), kernel, stride, "VALID")


def adaptive_avg_pool2d(x: Any, size: Sequence[int]) -> Any:
    """x: (N, H, W, C)."""
    if tuple(size) == (1, 1):
        return tf.reduce_mean(x, (1, 2), keepdims=True)
    height, width = x.shape[1:3]
    if None in (height, width) or height % size[0] or width % size[1]:
        raise UnsupportedSetting(
            f"adaptive_avg_pool2d from {height}x{width} to {size[0]}x{size[1]} has uneven windows; "
            "use an output size that divides the input's"
        )
    window = (height // size[0], width // size[1])
    return x if window == (1, 1) else tf.nn.avg_pool2d(x, window, window, "VALID")


def _refuse_ceil_mode(ceil_mode: bool) -> None:
    if ceil_mode:
        raise UnsupportedSetting("ceil_mode=True is not known; pad the input and use ceil_mode=False")


OPS = {
    aten.max_pool2d.default: image(max_pool2d),
    aten.avg_pool2d.default: image(avg_pool2d),
    aten.adaptive_avg_pool2d.default: image(adaptive_avg_pool2d),
}
