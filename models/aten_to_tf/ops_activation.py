"""Activations."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import torch
from aten_to_tf.layout import CHANNELS_LAST_AXIS, ChannelsLast, elementwise
from aten_to_tf.ops_elementwise import clamp, same

aten = torch.ops.aten


def hardtanh(x: Any, low: float = -1.0, high: float = 1.0) -> Any:
    return tf.nn.relu6(x) if (low, high) == (0, 6) else clamp(x, low, high)


def gelu(x: Any, approximate: str = "none") -> Any:
    return tf.nn.gelu(x, approximate=approximate == "tanh")


def elu(x: Any, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    """Cover ELU, CELU and SELU, which differ in the three numbers."""
    if (alpha, scale, input_scale) == (1, 1, 1):
        return tf.nn.elu(x)
    below = alpha * tf.nn.elu(tf.minimum(x, 0.0) * input_scale)  # elu is exp(x) - 1 there
    return scale * (tf.nn.relu(x) + below)


def softplus(x: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    scaled = x * beta
    # Of a sum that can't overflow; TensorFlow Lite has no softplus.
    smooth = (tf.nn.relu(scaled) + tf.math.log(1.0 + tf.exp(-tf.abs(scaled)))) / beta
    return tf.where(scaled > threshold, x, smooth)


def prelu(x: Any, slope: Any) -> Any:
    """slope: one, or one a channel, which is axis 1."""
    if isinstance(x, ChannelsLast):
        return ChannelsLast(tf.nn.relu(x.value) - slope * tf.nn.relu(-x.value))
    by_channel = slope if slope.shape[0] == 1 else tf.reshape(slope, (-1, *[1] * (len(x.shape) - 2)))
    return tf.nn.relu(x) - by_channel * tf.nn.relu(-x)


def glu(x: Any, axis: int = -1) -> Any:
    """Gate the first half of an axis by the second."""
    if isinstance(x, ChannelsLast):
        return ChannelsLast(glu(x.value, CHANNELS_LAST_AXIS[axis % 4]))
    value, gate = tf.split(x, 2, axis)
    return value * tf.sigmoid(gate)


OPS = {
    aten.relu.default: elementwise(tf.nn.relu),
    aten.relu6.default: elementwise(tf.nn.relu6),
    aten.hardtanh.default: elementwise(hardtanh),
    aten.sigmoid.default: elementwise(tf.sigmoid),
    aten.tanh.default: elementwise(tf.tanh),
    aten.gelu.default: elementwise(gelu),
    aten.silu.default: elementwise(lambda x: x * tf.sigmoid(x)),
    aten.elu.default: elementwise(elu),
    aten.selu.default: elementwise(lambda x: elu(x, 1.6732632423543772, 1.0507009873554805)),
    aten.celu.default: elementwise(lambda x, alpha=1.0: elu(x, alpha, 1.0, 1.0 / alpha)),
    aten.leaky_relu.default: elementwise(lambda x, slope=0.01: tf.nn.leaky_relu(x, slope)),
    aten.prelu.default: prelu,
    aten.hardsigmoid.default: elementwise(lambda x: tf.nn.relu6(x + 3.0) / 6.0),
    aten.hardswish.default: elementwise(lambda x: x * tf.nn.relu6(x + 3.0) / 6.0),
    aten.mish.default: elementwise(lambda x: x * tf.tanh(softplus(x))),
    aten.softplus.default: elementwise(softplus),
    aten.log_sigmoid.default: elementwise(lambda x: -softplus(-x)),
    aten.glu.default: glu,
    aten.dropout.default: elementwise(same),
    aten.feature_dropout.default: elementwise(same),
    aten.alpha_dropout.default: elementwise(same),
}
