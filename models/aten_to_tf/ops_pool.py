"""Pooling over images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import torch
from aten_to_tf.errors import UnsupportedSetting
from aten_to_tf.layout import ChannelsLast, channels_last, image
from aten_to_tf.ops_conv import as_line, from_line, pad_image, pair, same_padding_fits

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
    if pair(dilation) != (1, 1):
        raise UnsupportedSetting("max_pool2d is known without dilation only")
    kernel, stride, padding = pair(kernel), pair(stride or kernel), pair(padding)
    if ceil_mode:
        x = _up_to_last_window(x, kernel, stride, padding)
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
    if ceil_mode:
        raise UnsupportedSetting("avg_pool2d with ceil_mode=True is not known; pad the input and use ceil_mode=False")
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
    return _adaptive(x, size, tf.reduce_mean, tf.nn.avg_pool2d)


def _adaptive(x: Any, size: Sequence[int], reduce: Callable[..., Any], pool: Callable[..., Any]) -> Any:
    if tuple(size) == (1, 1):
        return reduce(x, (1, 2), keepdims=True)
    height, width = x.shape[1:3]
    size = [s or length for s, length in zip(size, (height, width), strict=True)]
    if None in (height, width) or height % size[0] or width % size[1]:
        raise UnsupportedSetting(
            f"adaptive pooling from {height}x{width} to {size[0]}x{size[1]} has uneven windows; "
            "use an output size that divides the input's"
        )
    window = (height // size[0], width // size[1])
    return x if window == (1, 1) else pool(x, window, window, "VALID")


def _up_to_last_window(x: Any, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]) -> Any:
    """Repeat the last row and column until the windows that only begin inside the image fit in (ceil_mode)."""
    for axis, k, s, p in zip((1, 2), kernel, stride, padding, strict=True):
        length = x.shape[axis]
        if length is None:
            raise UnsupportedSetting("ceil_mode=True is not known for images of free size")
        windows = -(-(length + 2 * p - k) // s) + 1
        if (windows - 1) * s >= length + p:  # it would begin in the padding
            windows -= 1
        missing = (windows - 1) * s + k - (length + 2 * p)
        if missing > 0:
            last = x[:, -1:] if axis == 1 else x[:, :, -1:]
            x = tf.concat([x, *[last] * missing], axis)
    return x


def adaptive_max_pool2d(x: Any, size: Sequence[int]) -> tuple[Any, None]:
    """Give the values; where they stood is not known."""
    return ChannelsLast(_adaptive(channels_last(x), size, tf.reduce_max, tf.nn.max_pool2d)), None


def lines(function: Callable[..., Any], neutral: Sequence[int]) -> Callable[..., Any]:
    """Make an op over (N, C, length) sequences of one over images: they are images of height 1.

    neutral: what each setting is along the height.
    """

    def op(x: Any, *settings: Any, **kwargs: Any) -> Any:
        wide = [(first, *s) if s else s for first, s in zip(neutral, settings, strict=False)]
        return from_line(function(as_line(x), *wide, *settings[len(neutral) :], **kwargs))

    return op


OPS = {
    aten.max_pool2d.default: image(max_pool2d),
    aten.max_pool1d.default: lines(max_pool2d, neutral=(1, 1, 0, 1)),
    aten.avg_pool2d.default: image(avg_pool2d),
    aten.avg_pool1d.default: lines(avg_pool2d, neutral=(1, 1, 0)),
    aten.adaptive_avg_pool2d.default: image(adaptive_avg_pool2d),
    aten.adaptive_avg_pool1d.default: lines(adaptive_avg_pool2d, neutral=(1,)),
    aten.adaptive_max_pool2d.default: adaptive_max_pool2d,
}
