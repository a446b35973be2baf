"""A PyTorch network as a graph without side effects, with its weights beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from aten_to_tf.errors import ConversionError
from aten_to_tf.ops import OPS
from aten_to_tf.whole import attention_in_parts, recurrences_kept_whole
from torch import fx, nn
from torch.export import Dim, ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind
from torch.utils import _pytree as pytree
from torch.utils._sympy.numbers import int_oo

Dimension = int | Sequence[int] | None
"""A size: fixed, free within bounds (inclusive), or free."""

Shape = Sequence[Dimension]

CHECKS = frozenset(
    {
        torch.ops.aten._assert_tensor_metadata.default,
        torch.ops.aten._assert_scalar.default,
        torch.ops.aten._assert_async.msg,
        torch.ops.aten.sym_constrain_range_for_size.default,
        torch.ops.aten.sym_constrain_range.default,
    }
)
"""Checks that torch.export leaves in the graph; they compute nothing."""


@dataclass(slots=True)
class Graph:
    """A functional ATen graph; constants are the weights and buffers by the name of their placeholder.

    output_names: the keys where the network returns a dict, None where it returns tensors in order.
    """

    nodes: fx.Graph
    constants: dict[str, torch.Tensor]
    outputs: list[fx.Node]
    output_names: list[str] | None = None


def export_graph(network: nn.Module, examples: Sequence[torch.Tensor], shapes: Sequence[Shape]) -> Graph:
    """Export a network in evaluation mode.

    examples: one tensor an input, with a batch of at least 2 and no free dimension of 1 (1 would be taken for a
    constant). Raises ConversionError where torch.export can't follow the network, or fixes a dimension that is free.
    """
    dynamic = _dynamic_shapes(shapes)
    try:
        with recurrences_kept_whole(), attention_in_parts():
            program = torch.export.export(network, tuple(examples), dynamic_shapes=dynamic, strict=False)
            # With an empty table nothing is decomposed, but in-place ops and views become functional: the interpreter
            # may then treat each node as a value.
            program = program.run_decompositions({})
            if any(node.op == "call_function" and node.target not in {*OPS, *CHECKS} for node in program.graph.nodes):
                ways = torch.export.default_decompositions().items()  # PyTorch's own to take ops apart
                program = program.run_decompositions({op: way for op, way in ways if op not in OPS})
    except (torch._dynamo.exc.UserError, torch._dynamo.exc.Unsupported, RuntimeError, ValueError) as error:
        raise ConversionError(
            f"torch.export can't follow the model: {[*str(error).splitlines(), type(error).__name__][0]}\n"
            "Remedy: no Python branches on the values of tensors, and nothing that fixes a dimension which INPUTS says "
            "is free, such as the batch: len(x), int(x.shape[0]) and a loop over the length all do."
        ) from error
    check_free_dimensions(program, shapes)
    nodes = program.graph
    for node in [node for node in nodes.nodes if node.target in CHECKS]:
        nodes.erase_node(node)
    nodes.eliminate_dead_code()
    outputs, names = _outputs(program)
    return Graph(nodes, _constants(program), outputs, names)


def _constants(program: ExportedProgram) -> dict[str, torch.Tensor]:
    stored = {**program.state_dict, **program.constants}
    return {
        spec.arg.name: stored[spec.target].detach()
        for spec in program.graph_signature.input_specs
        if spec.kind is not InputKind.USER_INPUT and isinstance(stored.get(spec.target), torch.Tensor)
    }


def _outputs(program: ExportedProgram) -> tuple[list[fx.Node], list[str] | None]:
    """Find the nodes that the network returns, and their names where it returns a dict."""
    returned = next(node for node in program.graph.nodes if node.op == "output").args[0]
    nodes = [
        node
        for node, spec in zip(returned, program.graph_signature.output_specs, strict=True)
        if spec.kind is OutputKind.USER_OUTPUT
    ]
    structure = pytree.tree_unflatten(nodes, program.call_spec.out_spec)
    if isinstance(structure, dict):
        # A value that is no tensor (None, a tuple of states) is left out; OUTPUTS may not name it.
        named = {name: node for name, node in structure.items() if isinstance(node, fx.Node)}
        return list(named.values()), list(named)
    if not all(isinstance(node, fx.Node) for node in nodes):
        raise ConversionError("the model returns something besides tensors; return tensors, or a dict of them")
    return nodes, None


def check_free_dimensions(program: ExportedProgram, shapes: Sequence[Shape]) -> None:
    """Refuse a program that holds for fewer sizes than INPUTS says; torch.export may narrow them without a word."""
    user_inputs = set(program.graph_signature.user_inputs)
    placeholders = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in user_inputs]
    for node, shape in zip(placeholders, shapes, strict=True):
        for axis, wanted in enumerate(shape):
            if not isinstance(wanted, int):
                _check_dimension(program, node, axis, wanted)


def _check_dimension(program: ExportedProgram, node: fx.Node, axis: int, wanted: Sequence[int] | None) -> None:
    size = node.meta["val"].shape[axis]
    place = f"dimension {axis} of the input {node.name}"
    if isinstance(size, int):
        raise ConversionError(
            f"{place} is free in INPUTS, but the model works only with {size}, the size of the example: it makes a "
            f"constant of it. Remedy: compute with x.shape[{axis}] itself, without int() and without Python loops or "
            f"branches over it; or write {size} in INPUTS"
        )
    allowed = program.range_constraints.get(size.node.expr)
    if allowed is None:
        return
    low, high = wanted or (allowed.lower, int_oo)
    if allowed.lower > low or allowed.upper < high:
        bounds = f"[{low}, {high}]" if wanted else "of any size"
        raise ConversionError(
            f"{place} is {bounds} in INPUTS, but the model works only with sizes from {allowed.lower} to "
            f"{allowed.upper}. Remedy: write [{allowed.lower}, {allowed.upper}] in INPUTS, or lift the model's limit"
        )


def _dynamic_shapes(shapes: Sequence[Shape]) -> tuple[dict[int, object], ...]:
    """Name the batch, which all inputs share; other free dimensions may turn out to be equal or not."""
    limits = [shape[0][1] for shape in shapes if shape[0] is not None]
    batch = Dim("batch", min=1, max=min(limits, default=None))
    return tuple(
        {axis: batch if axis == 0 else _free(size) for axis, size in enumerate(shape) if not isinstance(size, int)}
        for shape in shapes
    )


def _free(size: Sequence[int] | None) -> Any:
    # Unlike Dim.AUTO, DYNAMIC is an error where the network fixes the size.
    return Dim.DYNAMIC if size is None else Dim.DYNAMIC(min=size[0], max=size[1])
