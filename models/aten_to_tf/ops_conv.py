"""Convolutions, batch norm that could not be folded, and the padding both kinds of window ops share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import torch
from aten_to_tf.errors import UnsupportedSetting
from aten_to_tf.layout import ChannelsLast, channels_first, image, overloads, transpose
from aten_to_tf.ops_shape import sizes_of

aten = torch.ops.aten


def pair(value: int | Sequence[int]) -> tuple[int, int]:
    """Give PyTorch's one or two numbers as (height, width)."""
    numbers = (value,) if isinstance(value, int) else tuple(value)
    return numbers * 2 if len(numbers) == 1 else numbers


def same_padding_fits(kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]) -> bool:
    """Tell whether PyTorch's padding is what TensorFlow calls SAME: symmetric, and every window has a centre.

    kernel: as dilated. With a stride TensorFlow pads less than PyTorch at the start.
    """
    return all(s == 1 and 2 * p == k - 1 for k, s, p in zip(kernel, stride, padding, strict=True))


def pad_image(x: Any, padding: Sequence[int], mode: str = "CONSTANT") -> Any:
    """Pad an (N, H, W, C) image by (height, width) on both sides."""
    if not any(padding):
        return x
    return tf.pad(x, [[0, 0], [padding[0]] * 2, [padding[1]] * 2, [0, 0]], mode=mode)


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] | str = (0, 0),
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
) -> Any:
    """x: (N, H, W, in), weight: (out, in / groups, height, width), bias: (out,)."""
    _refuse_computed_weights(weight)
    stride, dilation = pair(stride), pair(dilation)
    kernel = [(size - 1) * step + 1 for size, step in zip(weight.shape[2:], dilation, strict=True)]
    if isinstance(padding, str):
        # PyTorch allows "same" with stride 1 only, where TensorFlow's SAME is the same, also for even kernels.
        mode = padding.upper()
    elif same_padding_fits(kernel, stride, pair(padding)):
        mode = "SAME"
    else:
        x, mode = pad_image(x, pair(padding)), "VALID"
    # TensorFlow's depthwise convolution takes one stride for both axes, and no dilation beside it.
    is_depthwise = groups > 1 and weight.shape[1] == 1
    if is_depthwise and stride[0] == stride[1] and 1 in (stride[0], max(dilation)):
        y = _depthwise(x, weight, stride, mode, dilation)
    else:
        y = _grouped(x, weight, stride, mode, dilation, groups)
    return y if bias is None else tf.nn.bias_add(y, bias)


def _depthwise(x: Any, weight: Any, stride: Sequence[int], mode: str, dilation: Sequence[int]) -> Any:
    channels = x.shape[-1]
    by_channel = weight.reshape(channels, weight.shape[0] // channels, *weight.shape[2:])
    return tf.nn.depthwise_conv2d(x, transpose(by_channel, (2, 3, 0, 1)), [1, *stride, 1], mode, dilations=dilation)


def _grouped(x: Any, weight: Any, stride: Sequence[int], mode: str, dilation: Sequence[int], groups: int) -> Any:
    kernel = transpose(weight, (2, 3, 1, 0))
    if groups == 1:
        return tf.nn.conv2d(x, kernel, stride, mode, dilations=dilation)
    # One convolution a group: grouped kernels are missing in some TensorFlow Lite runtimes.
    parts = zip(tf.split(x, groups, axis=-1), np.split(kernel, groups, axis=-1), strict=True)
    return tf.concat([tf.nn.conv2d(part, k, stride, mode, dilations=dilation) for part, k in parts], axis=-1)


def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0),
    output_padding: Sequence[int] = (0, 0),
    groups: int = 1,
    dilation: Sequence[int] = (1, 1),
) -> Any:
    """x: (N, H, W, in), weight: (in, out / groups, height, width), bias: (out,)."""
    _refuse_computed_weights(weight)
    stride, padding, output_padding = pair(stride), pair(padding), pair(output_padding)
    weight = _dilated(weight, pair(dilation))
    window = [k + extra for k, extra in zip(weight.shape[2:], output_padding, strict=True)]
    full = [(length - 1) * s + w for length, s, w in zip(sizes_of(x)[1:3], stride, window, strict=True)]
    kernels = np.split(transpose(weight, (2, 3, 1, 0)), groups, axis=-1)
    parts = [
        tf.nn.conv2d_transpose(part, kernel, tf.stack([tf.shape(x)[0], *full, kernel.shape[2]]), stride, "VALID")
        for part, kernel in zip(tf.split(x, groups, axis=-1), kernels, strict=True)
    ]
    y = parts[0] if groups == 1 else tf.concat(parts, axis=-1)
    # TensorFlow gives all that the windows reach; PyTorch's padding is cut off it.
    top, left = padding
    y = y[:, top : full[0] - top, left : full[1] - left]
    return y if bias is None else tf.nn.bias_add(y, bias)


def _dilated(weight: np.ndarray, dilation: Sequence[int]) -> np.ndarray:
    """Put zeros between the taps of a kernel: TensorFlow's CPU kernels don't dilate a transposed convolution."""
    if tuple(dilation) == (1, 1):
        return weight
    sizes = [(size - 1) * step + 1 for size, step in zip(weight.shape[2:], dilation, strict=True)]
    wide = np.zeros((*weight.shape[:2], *sizes), weight.dtype)
    wide[:, :, :: dilation[0], :: dilation[1]] = weight
    return wide


def line(function: Callable[..., Any], neutral: Sequence[int | None]) -> Callable[..., Any]:
    """Make an op over (N, C, length) sequences of one over images: they are images of height 1.

    neutral: what each setting is along the height; None: it is the same for both, as all that come after are.
    """

    def op(x: Any, *settings: Any) -> Any:
        along_height = [*neutral, *[None] * len(settings)]
        wide = [s if first is None or not s else (first, *s) for first, s in zip(along_height, settings, strict=False)]
        y = function(tf.expand_dims(transpose(channels_first(x), (0, 2, 1)), 1), *wide)
        return tf.transpose(y[:, 0], (0, 2, 1))

    return op


def conv_line(function: Callable[..., Any], neutral: Sequence[int | None]) -> Callable[..., Any]:
    """Make a convolution of sequences, whose weights are (out, in, length), of one of images."""
    return line(lambda x, weight, *settings: function(x, weight[:, :, None], *settings), (None, None, *neutral))


def _refuse_computed_weights(weight: Any) -> None:
    if not isinstance(weight, np.ndarray):
        raise UnsupportedSetting("its weights are computed while the model runs; make them parameters or buffers")


def batch_norm(
    x: Any, gamma: Any, beta: Any, mean: Any, variance: Any, momentum: float, epsilon: float
) -> tuple[Any, None, None]:
    """Normalise along axis 1 with the stored statistics: one multiplication and one addition."""
    scale = (1.0 if gamma is None else gamma) / np.sqrt(variance + np.float32(epsilon))
    shift = (0.0 if beta is None else beta) - mean * scale
    if isinstance(x, ChannelsLast):
        return ChannelsLast(x.value * scale + shift), None, None
    shape = (-1, *[1] * (len(x.shape) - 2))
    return x * scale.reshape(shape) + shift.reshape(shape), None, None


OPS = {
    **overloads(aten.conv2d, image(conv2d), ("default", "padding")),
    aten.conv1d.default: conv_line(conv2d, neutral=(1, 0, 1)),
    aten.conv1d.padding: conv_line(conv2d, neutral=(1, None, 1)),
    aten.conv_transpose2d.input: image(conv_transpose2d),
    aten.conv_transpose1d.default: conv_line(conv_transpose2d, neutral=(1, 0, 0, None, 1)),
    aten._native_batch_norm_legit_no_training.default: batch_norm,
}
