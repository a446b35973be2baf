"""Normalisations other than batch norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import torch
from aten_to_tf.layout import plain
from aten_to_tf.ops_shape import sizes_of

aten = torch.ops.aten


def layer_norm(
    x: Any, shape: Sequence[int], gamma: Any = None, beta: Any = None, epsilon: float = 1e-5, *_: Any
) -> Any:
    """Normalise over the last axes, as many as shape has."""
    return native_layer_norm(x, shape, gamma, beta, epsilon)[0]


def native_layer_norm(x: Any, shape: Sequence[int], gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any]:
    y, mean, inverse_deviation = _normalise(x, list(range(-len(shape), 0)), epsilon)
    return _affine(y, gamma, beta), mean, inverse_deviation


def group_norm(x: Any, groups: int, gamma: Any = None, beta: Any = None, epsilon: float = 1e-5, *_: Any) -> Any:
    """x: (N, C, ...); each group of channels is normalised by itself."""
    sizes = sizes_of(x)
    grouped = tf.reshape(x, tf.stack([sizes[0], groups, -1]))
    y = tf.reshape(_normalise(grouped, [-1], epsilon)[0], tf.stack(sizes))
    by_channel = (-1, *[1] * (len(sizes) - 2))
    return _affine(y, *(w if w is None else tf.reshape(w, by_channel) for w in (gamma, beta)))


def rms_norm(x: Any, shape: Sequence[int], gamma: Any = None, epsilon: float | None = None) -> Any:
    epsilon = torch.finfo(torch.float32).eps if epsilon is None else epsilon
    axes = list(range(-len(shape), 0))
    y = x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), axes, keepdims=True) + epsilon)
    return _affine(y, gamma, None)


def _normalise(x: Any, axes: Sequence[int], epsilon: float) -> tuple[Any, Any, Any]:
    mean = tf.reduce_mean(x, axes, keepdims=True)
    centred = x - mean
    inverse_deviation = tf.math.rsqrt(tf.reduce_mean(tf.square(centred), axes, keepdims=True) + epsilon)
    return centred * inverse_deviation, mean, inverse_deviation


def _affine(x: Any, gamma: Any, beta: Any) -> Any:
    x = x if gamma is None else x * gamma
    return x if beta is None else x + beta


OPS = {
    aten.layer_norm.default: plain(layer_norm),
    aten.native_layer_norm.default: plain(native_layer_norm),
    aten.group_norm.default: plain(group_norm),
    aten.rms_norm.default: plain(rms_norm),
}
