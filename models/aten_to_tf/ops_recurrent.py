"""LSTM, GRU and the plain recurrent network, each as one loop over the steps.

What depends on the input alone is computed for all steps at once, before the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
import torch
from aten_to_tf.layout import plain

aten = torch.ops.aten

States = tuple[Any, ...]
Step = Callable[[Any, States], States]
"""From what a step's input gives and the states before it to the states after it; the first is the output."""


@dataclass(frozen=True, slots=True)
class Weights:
    """One layer in one direction. project: (hidden, cell) of an LSTM with proj_size, else None."""

    of_input: np.ndarray
    of_hidden: np.ndarray
    input_bias: Any
    hidden_bias: Any
    project: np.ndarray | None


def lstm_step(w: Weights) -> tuple[Any, Step]:
    def step(from_input: Any, before: States) -> States:
        h, c = before
        gates = from_input + tf.matmul(h, w.of_hidden, transpose_b=True)
        i, f, g, o = tf.split(gates, 4, axis=-1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.sigmoid(o) * tf.tanh(c)
        return (h if w.project is None else tf.matmul(h, w.project, transpose_b=True)), c

    return w.input_bias + w.hidden_bias, step


def gru_step(w: Weights) -> tuple[Any, Step]:
    def step(from_input: Any, before: States) -> States:
        (h,) = before
        x_reset, x_update, x_new = tf.split(from_input, 3, axis=-1)
        h_reset, h_update, h_new = tf.split(tf.matmul(h, w.of_hidden, transpose_b=True) + w.hidden_bias, 3, axis=-1)
        new = tf.tanh(x_new + tf.sigmoid(x_reset + h_reset) * h_new)
        update = tf.sigmoid(x_update + h_update)
        return (new + update * (h - new),)

    return w.input_bias, step


def simple_step(activation: Callable[[Any], Any], w: Weights) -> tuple[Any, Step]:
    def step(from_input: Any, before: States) -> States:
        return (activation(from_input + tf.matmul(before[0], w.of_hidden, transpose_b=True)),)

    return w.input_bias + w.hidden_bias, step


def _cells(weights: Sequence[Any], has_biases: bool, is_projected: bool) -> Iterator[Weights]:
    """Take PyTorch's flat list of weights apart: layer by layer, forwards before backwards."""
    count = 2 + 2 * has_biases + is_projected
    for start in range(0, len(weights), count):
        part = list(weights[start : start + count])
        biases = part[2:4] if has_biases else [np.zeros(len(part[0]), np.float32)] * 2
        yield Weights(part[0], part[1], *biases, project=part[-1] if is_projected else None)


def recurrent(make_step: Callable[[Weights], tuple[Any, Step]]) -> Callable[..., Any]:
    """Make an op of what gives, for one layer in one direction, the bias of its input and its step.

    x: (length, batch, in) or batch first, states: (layers x directions, batch, width), of an LSTM a list of two.
    """

    def op(x: Any, states: Any, weights: Sequence[Any], has_biases: bool, *settings: Any) -> Any:
        states = tuple(states) if isinstance(states, list) else (states,)
        is_projected = states[0].shape[-1] != states[-1].shape[-1]
        return _layers(x, states, list(_cells(weights, has_biases, is_projected)), make_step, settings)

    return plain(op)


def _layers(
    x: Any, states: States, cells: Sequence[Weights], make_step: Callable[[Weights], Any], settings: Sequence[Any]
) -> Any:
    _, _, _, is_bidirectional, is_batch_first = settings
    y = tf.transpose(x, (1, 0, 2)) if is_batch_first else x
    directions = 2 if is_bidirectional else 1
    last: list[States] = []
    for layer in range(len(cells) // directions):
        outputs = []
        for direction in range(directions):
            index = layer * directions + direction
            bias, step = make_step(cells[index])
            from_input = _project(y, cells[index].of_input, bias)
            output, final = _loop(from_input, tuple(s[index] for s in states), step, is_backward=direction == 1)
            outputs.append(output)
            last.append(final)
        y = outputs[0] if directions == 1 else tf.concat(outputs, axis=-1)
    y = tf.transpose(y, (1, 0, 2)) if is_batch_first else y
    return (y, *(tf.stack(of_all_layers) for of_all_layers in zip(*last, strict=True)))


def _project(x: Any, weight: np.ndarray, bias: Any) -> Any:
    """x: (length, batch, in) -> (length, batch, out)."""
    shape = tf.shape(x)
    flat = tf.matmul(tf.reshape(x, (-1, x.shape[-1])), weight, transpose_b=True) + bias
    return tf.reshape(flat, tf.stack([shape[0], shape[1], weight.shape[0]]))


def _loop(from_input: Any, start: States, step: Step, is_backward: bool) -> tuple[Any, States]:
    """Run the steps; returns the outputs of all, in the order of the input, and the last states.

    The outputs are chosen into a tensor of zeros, a place a step: TensorFlow Lite has no lists of tensors, and its int8
    SCATTER_ND fills with the number 0, whatever stands for zero there.
    """
    length, batch, width = tf.shape(from_input)[0], tf.shape(from_input)[1], start[0].shape[-1]
    outputs = tf.zeros(tf.stack([length, batch, width]), from_input.dtype)
    places = tf.reshape(tf.range(length), (-1, 1, 1))
    start = tuple(tf.convert_to_tensor(state) for state in start)

    def body(done: Any, outputs: Any, *states: Any) -> Any:
        place = length - 1 - done if is_backward else done
        states = step(tf.gather(from_input, place), states)
        outputs = tf.where(tf.equal(places, place), states[0], outputs)
        return done + 1, outputs, *states

    shapes = [tf.TensorShape([None, s.shape[-1]]) for s in start]
    _, outputs, *states = tf.while_loop(
        lambda done, *_: done < length,
        body,
        (tf.constant(0), outputs, *start),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, None, width]), *shapes),
    )
    return outputs, tuple(states)


OPS = {
    aten.lstm.input: recurrent(lstm_step),
    aten.gru.input: recurrent(gru_step),
    aten.rnn_tanh.input: recurrent(partial(simple_step, tf.tanh)),
    aten.rnn_relu.input: recurrent(partial(simple_step, tf.nn.relu)),
}
