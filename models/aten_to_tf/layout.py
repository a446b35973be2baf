"""Where the channels are: PyTorch's images are (N, C, H, W), TensorFlow's convolutions want (N, H, W, C).

A convolution's result stays channels-last, marked as such, and so do the elementwise ops after it: between two
convolutions nothing is transposed. Whoever needs PyTorch's order asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

CHANNELS_LAST_AXIS = (0, 3, 1, 2)
"""PyTorch's axis of an image -> the axis of the same data held channels-last."""


@dataclass(frozen=True, slots=True)
class ChannelsLast:
    """A PyTorch (N, C, H, W) tensor that is held as (N, H, W, C)."""

    value: tf.Tensor


def transpose(x: Any, axes: Sequence[int]) -> Any:
    """Transpose weights while converting, and anything else when the model runs; a transpose of nothing is no op."""
    if list(axes) == sorted(axes):
        return x
    return np.ascontiguousarray(x.transpose(axes)) if isinstance(x, np.ndarray) else tf.transpose(x, axes)


def channels_last(x: Any) -> Any:
    """Give an image as (N, H, W, C)."""
    if isinstance(x, ChannelsLast):
        return x.value
    _, channels, height, width = x.shape
    if not isinstance(x, np.ndarray) and channels == 1 and None not in (height, width):
        return tf.reshape(x, (-1, height, width, 1))  # the same bytes in the same order
    return transpose(x, (0, 2, 3, 1))


def channels_first(x: Any) -> Any:
    """Give anything in PyTorch's order of axes."""
    if not isinstance(x, ChannelsLast):
        return x
    _, height, width, channels = x.value.shape
    same_bytes = channels == 1 or (height, width) == (1, 1)
    if same_bytes and None not in (height, width, channels):
        return tf.reshape(x.value, (-1, channels, height, width))
    return tf.transpose(x.value, (0, 3, 1, 2))


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an op of a function that takes every tensor in PyTorch's order."""

    def op(*args: Any, **kwargs: Any) -> Any:
        return function(*[_deep_channels_first(a) for a in args], **kwargs)

    return op


def image(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an op of a function from an (N, H, W, C) image to another one; the other arguments are PyTorch's."""

    def op(x: Any, *args: Any, **kwargs: Any) -> ChannelsLast:
        return ChannelsLast(function(channels_last(x), *[_deep_channels_first(a) for a in args], **kwargs))

    return op


def elementwise(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an op of a function that treats every element alike, whatever the order of the axes."""

    def op(*args: Any, **kwargs: Any) -> Any:
        if not any(isinstance(a, ChannelsLast) for a in args):
            return function(*args, **kwargs)
        return ChannelsLast(function(*[_beside_image(a) for a in args], **kwargs))

    return op


def overloads(op: Any, function: Callable[..., Any], names: Sequence[str] = ("Tensor", "Scalar")) -> dict[Any, Any]:
    """Give the rows of a table for several overloads of one op, which one function computes."""
    return {getattr(op, name): function for name in names}


def _beside_image(x: Any) -> Any:
    """Bring an operand of an elementwise op into an image's channels-last order, as PyTorch would broadcast it."""
    rank = len(getattr(x, "shape", ()))
    if isinstance(x, ChannelsLast) or rank == 4:
        return channels_last(x)
    if rank == 0:
        return x
    return channels_last(x[(None,) * (4 - rank)] if isinstance(x, np.ndarray) else _leading_ones(x, 4 - rank))


def _leading_ones(x: tf.Tensor, count: int) -> tf.Tensor:
    for _ in range(count):
        x = tf.expand_dims(x, 0)
    return x


def _deep_channels_first(x: Any) -> Any:
    return [channels_first(a) for a in x] if isinstance(x, list) else channels_first(x)
