"""Fold batch norm into the convolution before it: the same function in fewer operations."""

from __future__ import annotations

import operator

import torch
from aten_to_tf.graph import Graph
from torch import fx

aten = torch.ops.aten
CONVOLUTIONS = frozenset({aten.conv1d.default, aten.conv2d.default, aten.conv2d.padding, aten.conv1d.padding})
BATCH_NORM = aten._native_batch_norm_legit_no_training.default


def fold_batch_norm(graph: Graph) -> int:
    """Fold each batch norm whose only producer is a convolution used nowhere else; return how many were folded."""
    folded = 0
    for norm in list(graph.nodes.nodes):
        if norm.target is BATCH_NORM and _is_foldable(norm, graph):
            _fold(norm, graph)
            folded += 1
    return folded


def _is_foldable(norm: fx.Node, graph: Graph) -> bool:
    conv = norm.args[0]
    weights = [*conv.args[1:3], *norm.args[1:5]]
    return (
        conv.target in CONVOLUTIONS
        and len(conv.users) == 1
        and all(weight is None or weight.name in graph.constants for weight in weights)
        and all(user.target is operator.getitem and user.args[1] == 0 for user in norm.users)
    )


def _fold(norm: fx.Node, graph: Graph) -> None:
    conv, gamma, beta, mean, variance, _, epsilon = norm.args

    def value(node: fx.Node | None, default: torch.Tensor) -> torch.Tensor:
        return default if node is None else graph.constants[node.name].double()

    variance_value = graph.constants[variance.name].double()  # double: folding must not cost accuracy
    ones, zeros = torch.ones_like(variance_value), torch.zeros_like(variance_value)
    scale = value(gamma, ones) / torch.sqrt(variance_value + epsilon)
    kernel = graph.constants[conv.args[1].name]
    bias = value(conv.args[2] if len(conv.args) > 2 else None, zeros)
    folded_kernel = kernel.double() * scale.reshape(-1, *[1] * (kernel.dim() - 1))
    folded_bias = value(beta, zeros) + (bias - value(mean, zeros)) * scale
    settings = conv.args[3:]
    conv.args = (
        conv.args[0],
        _constant(graph, f"{conv.name}_folded_weight", folded_kernel.to(kernel.dtype)),
        _constant(graph, f"{conv.name}_folded_bias", folded_bias.to(kernel.dtype)),
        *settings,
    )
    for user in list(norm.users):
        user.replace_all_uses_with(conv)
        graph.nodes.erase_node(user)
        graph.outputs = [conv if node is user else node for node in graph.outputs]
    graph.nodes.erase_node(norm)


def _constant(graph: Graph, name: str, value: torch.Tensor) -> fx.Node:
    first = next(iter(graph.nodes.nodes))
    with graph.nodes.inserting_before(first):
        node = graph.nodes.placeholder(name)
    graph.constants[node.name] = value
    return node
