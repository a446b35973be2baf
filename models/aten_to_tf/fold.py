"""Compute while converting what needs no input, and fold batch norm into the convolution before it."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import torch
from aten_to_tf.graph import Graph
from torch import fx
from torch.nn.utils.fusion import fuse_conv_bn_weights

aten = torch.ops.aten
CONVOLUTIONS = frozenset({aten.conv1d.default, aten.conv2d.default, aten.conv2d.padding, aten.conv1d.padding})
BATCH_NORM = aten._native_batch_norm_legit_no_training.default


MOST_ELEMENTS = 1 << 22
"""What is computed ahead may not be larger than this, unless an operand is: an artifact must not grow by tables."""


def fold_constants(graph: Graph) -> int:
    """Replace each op on weights and numbers alone by its result; return how many were replaced."""
    known: dict[fx.Node, Any] = {}
    for node in list(graph.nodes.nodes):
        if node.op == "placeholder" and node.name in graph.constants:
            known[node] = graph.constants[node.name]
        elif node.op == "call_function" and all(n in known for n in node.all_input_nodes) and _is_repeatable(node):
            args, kwargs = fx.map_arg((node.args, node.kwargs), known.__getitem__)
            with torch.no_grad():
                result = node.target(*args, **kwargs)
            if _is_small(result, known, node):
                known[node] = result
    folded = [node for node in known if node.op == "call_function" and isinstance(known[node], torch.Tensor)]
    for node in folded:
        _replace(graph, node, _constant(graph, f"{node.name}_computed", known[node].contiguous()))
    graph.nodes.eliminate_dead_code()
    return len(folded)


def _is_repeatable(node: fx.Node) -> bool:
    is_random = torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
    return not is_random and not (isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable)


def _is_small(result: Any, known: Mapping[fx.Node, Any], node: fx.Node) -> bool:
    operands = [known[n] for n in node.all_input_nodes]
    largest = max((x.numel() for x in operands if isinstance(x, torch.Tensor)), default=0)
    return not isinstance(result, torch.Tensor) or result.numel() <= max(largest, MOST_ELEMENTS)


def _replace(graph: Graph, old: fx.Node, new: fx.Node) -> None:
    old.replace_all_uses_with(new)
    graph.outputs = [new if node is old else node for node in graph.outputs]


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
    image, kernel, bias, *settings = [*conv.args, None][: max(3, len(conv.args))]
    dtype = graph.constants[kernel.name].dtype
    kernel, bias, mean, variance, gamma, beta = (
        None if node is None else graph.constants[node.name].double()  # double: folding must not cost accuracy
        for node in (kernel, bias, mean, variance, gamma, beta)
    )
    folded = fuse_conv_bn_weights(kernel, bias, mean, variance, epsilon, gamma, beta)
    constants = [
        _constant(graph, f"{conv.name}_folded_{name}", tensor.detach().to(dtype))
        for name, tensor in zip(("weight", "bias"), folded, strict=True)
    ]
    conv.args = (image, *constants, *settings)
    for user in list(norm.users):
        _replace(graph, user, conv)
        graph.nodes.erase_node(user)
    graph.nodes.erase_node(norm)


def _constant(graph: Graph, name: str, value: torch.Tensor) -> fx.Node:
    first = next(iter(graph.nodes.nodes))
    with graph.nodes.inserting_before(first):
        node = graph.nodes.placeholder(name)
    graph.constants[node.name] = value
    return node
