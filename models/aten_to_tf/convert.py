"""Turn a PyTorch network into a TensorFlow module: torch.export's graph, interpreted as TensorFlow ops.

The signature is PyTorch's: the same input and output names, dtypes, shapes and bytes, with the batch free. Inside,
images are channels-last. Weights are constants of the graph (so a SavedModel may not exceed protobuf's 2 GB).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import torch
from aten_to_tf import ops_conv, ops_elementwise, ops_linear, ops_pool, ops_reduce, ops_shape
from aten_to_tf.errors import ConversionError, UnsupportedSetting, failed_op, unknown_op
from aten_to_tf.fold import fold_batch_norm
from aten_to_tf.graph import Graph, export_graph
from aten_to_tf.layout import channels_first
from torch import fx, nn

OPS: dict[Any, Callable[..., Any]] = {
    **ops_elementwise.OPS,
    **ops_linear.OPS,
    **ops_conv.OPS,
    **ops_pool.OPS,
    **ops_reduce.OPS,
    **ops_shape.OPS,
}
"""Every op that is known, each in the file of its family."""

NOT_COMPUTED = frozenset(
    {
        torch.ops.aten._assert_tensor_metadata.default,
        torch.ops.aten._assert_scalar.default,
        torch.ops.aten.sym_constrain_range_for_size.default,
    }
)
"""Checks that torch.export leaves in the graph; they compute nothing."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input of the network: None in shape is a free dimension, the first is the batch."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


class TensorFlowModel(tf.Module):
    """A converted network; predict takes the inputs by name and returns a dict by output name."""

    def __init__(self, graph: Graph, inputs: Sequence[Input], outputs: Sequence[str]) -> None:
        super().__init__()
        self._graph = graph
        self._output_names = list(outputs)
        self._input_names = [spec.name for spec in inputs]
        specs = {spec.name: tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in inputs}
        self.predict = tf.function(self._run, autograph=False).get_concrete_function(**specs)

    def _run(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        values = interpret(self._graph, [inputs[name] for name in self._input_names])
        return {name: tf.identity(value, name) for name, value in zip(self._output_names, values, strict=True)}


def convert(
    network: nn.Module, examples: Sequence[torch.Tensor], inputs: Sequence[Input], outputs: Sequence[str]
) -> TensorFlowModel:
    """Convert a network in evaluation mode.

    examples: a batch of at least 2 for each input. Raises UnsupportedOp for an op or a setting the converter does not
    know, ConversionError for anything else that can't be converted.
    """
    graph = export_graph(network, examples, [spec.shape for spec in inputs])
    if len(graph.outputs) != len(outputs):
        raise ConversionError(
            f"the model returns {len(graph.outputs)} tensors and OUTPUTS names {len(outputs)}: {', '.join(outputs)}"
        )
    fold_batch_norm(graph)
    return TensorFlowModel(graph, inputs, outputs)


def interpret(graph: Graph, inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Run a graph on TensorFlow tensors; within a tf.function this builds the TensorFlow graph."""
    values: dict[fx.Node, Any] = {}
    remaining_inputs = iter(inputs)
    for node in graph.nodes.nodes:
        if node.op == "placeholder":
            constant = graph.constants.get(node.name)
            values[node] = next(remaining_inputs) if constant is None else constant.numpy()
        elif node.op == "call_function" and node.target not in NOT_COMPUTED:
            values[node] = _call(node, values)
    return [channels_first(values[node]) for node in graph.outputs]


def _call(node: fx.Node, values: dict[fx.Node, Any]) -> Any:
    function = OPS.get(node.target)
    if function is None:
        raise unknown_op(node)
    args, kwargs = (_resolve(part, values) for part in (node.args, node.kwargs))
    try:
        return function(*args, **kwargs)
    except (UnsupportedSetting, TypeError, ValueError, KeyError, AttributeError, tf.errors.OpError) as error:
        raise failed_op(node, error) from error


def _resolve(argument: Any, values: dict[fx.Node, Any]) -> Any:
    if isinstance(argument, fx.Node):
        return values[argument]
    if isinstance(argument, list | tuple):
        return [_resolve(part, values) for part in argument]
    if isinstance(argument, dict):
        return {name: _resolve(part, values) for name, part in argument.items()}
    return argument
