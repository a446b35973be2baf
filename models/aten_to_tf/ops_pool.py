"""Pooling over images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import torch
from aten_to_tf.errors import UnsupportedSetting
from aten_to_tf.layout import ChannelsLast, channels_last, image
from aten_to_tf.ops_conv import line, pad_image, pair, same_padding_fits

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
    kernel, stride, padding = pair(kernel), pair(stride or kernel), pair(padding)
    counts_padding = count_include_pad or not any(padding)
    if not counts_padding and divisor_override is None and same_padding_fits(kernel, stride, padding):
        return tf.nn.avg_pool2d(x, kernel, stride, "SAME")
    beyond = _beyond(x, kernel, stride, padding) if ceil_mode else (0, 0)
    sides = [(p, p + more) for p, more in zip(padding, beyond, strict=True)]
    padded = tf.pad(x, [(0, 0), *sides, (0, 0)]) if any(padding) or any(beyond) else x
    means = tf.nn.avg_pool2d(padded, kernel, stride, "VALID")
    if divisor_override is not None:
        return kernel[0] * kernel[1] / divisor_override * means
    if counts_padding and not any(beyond):
        return means
    edges = padding if count_include_pad else (0, 0)
    return means * _shares(means.shape[1:3], x.shape[1:3], list(zip(kernel, stride, padding, edges, strict=True)))


def _shares(windows: Sequence[int | None], lengths: Sequence[int | None], axes: Sequence[Sequence[int]]) -> np.ndarray:
    """Give, for each window, its size over how many of its pixels PyTorch counts; axes: kernel, stride, padding, edge.

    edge: how many pixels beyond the image count.
    """
    if None in windows or None in lengths:
        raise UnsupportedSetting(
            "avg_pool2d with stride, padding and count_include_pad=False is not known for images of free size"
        )
    rows, columns = (
        [k / (min(i * s - p + k, length + edge) - max(i * s - p, -edge)) for i in range(count)]
        for count, length, (k, s, p, edge) in zip(windows, lengths, axes, strict=True)
    )
    return np.outer(rows, columns).astype(np.float32)[None, :, :, None]


def adaptive_avg_pool2d(x: Any, size: Sequence[int]) -> Any:
    """x: (N, H, W, C)."""
    return _adaptive(x, size, tf.reduce_mean, tf.nn.avg_pool2d)


def _adaptive(x: Any, size: Sequence[int], reduce: Callable[..., Any], pool: Callable[..., Any]) -> Any:
    if tuple(size) == (1, 1):
        return reduce(x, (1, 2), keepdims=True)
    height, width = x.shape[1:3]
    size = [s or length for s, length in zip(size, (height, width), strict=True)]
    if None in (height, width):
        raise UnsupportedSetting(
            f"adaptive pooling to {size[0]}x{size[1]} is not known for images of free size; pool to 1, or fix the size "
            "in INPUTS"
        )
    if height % size[0] or width % size[1]:
        return _uneven(_uneven(x, 1, size[0], reduce), 2, size[1], reduce)
    window = (height // size[0], width // size[1])
    return x if window == (1, 1) else pool(x, window, window, "VALID")


def _uneven(x: Any, axis: int, parts: int, reduce: Callable[..., Any]) -> Any:
    """Reduce one axis to so many parts; they overlap where its length is no multiple."""
    length = x.shape[axis]
    limits = [(part * length // parts, -(-(part + 1) * length // parts)) for part in range(parts)]
    windows = [x[:, start:end] if axis == 1 else x[:, :, start:end] for start, end in limits]
    return tf.concat([reduce(window, axis, keepdims=True) for window in windows], axis)


def _up_to_last_window(x: Any, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]) -> Any:
    """Repeat the last row and column until the windows that only begin inside the image fit in (ceil_mode)."""
    for axis, missing in zip((1, 2), _beyond(x, kernel, stride, padding), strict=True):
        last = x[:, -1:] if axis == 1 else x[:, :, -1:]
        x = tf.concat([x, *[last] * missing], axis) if missing else x
    return x


def _beyond(x: Any, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]) -> tuple[int, int]:
    """Count the rows and columns beyond image and padding that ceil_mode's last windows reach."""
    if None in x.shape[1:3]:
        raise UnsupportedSetting("ceil_mode=True is not known for images of free size")
    beyond = []
    for length, k, s, p in zip(x.shape[1:3], kernel, stride, padding, strict=True):
        windows = -(-(length + 2 * p - k) // s) + 1
        if (windows - 1) * s >= length + p:  # it would begin in the padding
            windows -= 1
        beyond.append(max(0, (windows - 1) * s + k - (length + 2 * p)))
    return beyond[0], beyond[1]


def adaptive_max_pool2d(x: Any, size: Sequence[int]) -> tuple[Any, None]:
    """Give the values; where they stood is not known."""
    return ChannelsLast(_adaptive(channels_last(x), size, tf.reduce_max, tf.nn.max_pool2d)), None


OPS = {
    aten.max_pool2d.default: image(max_pool2d),
    aten.max_pool1d.default: line(max_pool2d, neutral=(1, 1, 0, 1)),
    aten.avg_pool2d.default: image(avg_pool2d),
    aten.avg_pool1d.default: line(avg_pool2d, neutral=(1, 1, 0)),
    aten.adaptive_avg_pool2d.default: image(adaptive_avg_pool2d),
    aten.adaptive_avg_pool1d.default: line(adaptive_avg_pool2d, neutral=(1,)),
    aten.adaptive_max_pool2d.default: adaptive_max_pool2d,
}
