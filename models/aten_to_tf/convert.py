"""Turn a PyTorch network into a TensorFlow module: torch.export's graph, interpreted as TensorFlow ops.

The signature is PyTorch's: the same input and output names, dtypes, shapes and bytes, with the batch free. Inside,
images are channels-last. Weights are constants of the graph (so a SavedModel may not exceed protobuf's 2 GB).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import torch
from aten_to_tf.errors import ConversionError, UnsupportedSetting, failed_op, unknown_op
from aten_to_tf.fold import fold_batch_norm, fold_constants
from aten_to_tf.graph import Dimension, Graph, export_graph
from aten_to_tf.layout import ChannelsLast, channels_first
from aten_to_tf.ops import OPS
from torch import fx, nn


@dataclass(frozen=True, slots=True)
class Input:
    """An input: in shape None is a free dimension, two numbers are the bounds of one; the first is the batch."""

    name: str
    dtype: str
    shape: tuple[Dimension, ...]

    @property
    def tensor_spec(self) -> tf.TensorSpec:
        """Give it as TensorFlow does, which knows no bounds."""
        sizes = [size if isinstance(size, int) else None for size in self.shape]
        return tf.TensorSpec(sizes, self.dtype, name=self.name)


class TensorFlowModel(tf.Module):
    """A converted network; predict takes the inputs by name and returns a dict by output name."""

    def __init__(self, graph: Graph, inputs: Sequence[Input], outputs: Sequence[str]) -> None:
        super().__init__()
        self._graph = graph
        self._output_names = list(outputs)
        self._input_names = [spec.name for spec in inputs]
        specs = {spec.name: spec.tensor_spec for spec in inputs}
        self.predict = tf.function(self._run, autograph=False).get_concrete_function(**specs)

    def _run(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        values = interpret(self._graph, [inputs[name] for name in self._input_names])
        return {name: tf.identity(value, name) for name, value in zip(self._output_names, values, strict=True)}


def convert(
    network: nn.Module, examples: Sequence[torch.Tensor], inputs: Sequence[Input], outputs: Sequence[str]
) -> TensorFlowModel:
    """Convert a network in evaluation mode.

    examples: a batch of at least 2 for each input. outputs: names in the order in which the network returns tensors, or
    keys of the dict it returns. Raises UnsupportedOp for an op or a setting the converter does not
    know, ConversionError for anything else that can't be converted.
    """
    graph = export_graph(network, examples, [spec.shape for spec in inputs])
    graph.outputs = _in_order(graph, outputs)
    fold_constants(graph)
    fold_batch_norm(graph)
    return TensorFlowModel(graph, inputs, outputs)


def _in_order(graph: Graph, outputs: Sequence[str]) -> list[fx.Node]:
    """Give the nodes that are returned in the order of OUTPUTS."""
    if graph.output_names is None:
        if len(graph.outputs) != len(outputs):
            raise ConversionError(
                f"the model returns {len(graph.outputs)} tensors and OUTPUTS names {len(outputs)}: {', '.join(outputs)}"
            )
        return graph.outputs
    by_name = dict(zip(graph.output_names, graph.outputs, strict=True))
    missing = [name for name in outputs if name not in by_name]
    if missing:
        raise ConversionError(
            f"the model returns a dict without {', '.join(missing)}, which OUTPUTS names; it has {', '.join(by_name)}"
        )
    return [by_name[name] for name in outputs]


def interpret(graph: Graph, inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Run a graph on TensorFlow tensors; within a tf.function this builds the TensorFlow graph."""
    values: dict[fx.Node, Any] = {}
    remaining_inputs = iter(inputs)
    for node in graph.nodes.nodes:
        if node.op == "placeholder":
            constant = graph.constants.get(node.name)
            values[node] = next(remaining_inputs) if constant is None else constant.numpy()
        elif node.op == "call_function":
            values[node] = _call(node, values)
    return [channels_first(values[node]) for node in graph.outputs]


def _call(node: fx.Node, values: dict[fx.Node, Any]) -> Any:
    function = OPS.get(node.target)
    if function is None:
        raise unknown_op(node)
    args, kwargs = fx.map_arg((node.args, node.kwargs), values.__getitem__)
    try:
        return _with_known_sizes(function(*args, **kwargs), node.meta.get("val"))
    except (UnsupportedSetting, TypeError, ValueError, KeyError, AttributeError, tf.errors.OpError) as error:
        raise failed_op(node, error) from error


def _with_known_sizes(value: Any, example: Any) -> Any:
    """Tell TensorFlow the sizes PyTorch knows, where its own reasoning about shapes gave up."""
    if isinstance(example, torch.Tensor):
        sizes = [size if isinstance(size, int) else None for size in example.shape]
        if isinstance(value, ChannelsLast):
            value.value.set_shape([sizes[axis] for axis in (0, 2, 3, 1)])
        elif tf.is_tensor(value):
            value.set_shape(sizes)
    elif isinstance(example, list | tuple) and isinstance(value, list | tuple):
        for part, of_part in zip(value, example, strict=False):
            _with_known_sizes(part, of_part)
    return value
