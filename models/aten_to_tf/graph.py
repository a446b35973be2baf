"""A PyTorch network as a graph without side effects, with its weights beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from aten_to_tf.errors import ConversionError
from torch import fx, nn
from torch.export.graph_signature import InputKind, OutputKind

Shape = Sequence[int | None]


@dataclass(slots=True)
class Graph:
    """A functional ATen graph; constants are the weights and buffers by the name of their placeholder."""

    nodes: fx.Graph
    constants: dict[str, torch.Tensor]
    outputs: list[fx.Node]


def export_graph(network: nn.Module, examples: Sequence[torch.Tensor], shapes: Sequence[Shape]) -> Graph:
    """Export a network in evaluation mode.

    examples: one tensor an input, with a batch of at least 2 (1 would be taken for a constant). shapes: None is a free
    dimension. Raises ConversionError where torch.export can't follow the network.
    """
    try:
        program = torch.export.export(network, tuple(examples), dynamic_shapes=_dynamic_shapes(shapes), strict=False)
    except (torch._dynamo.exc.UserError, torch._dynamo.exc.Unsupported, RuntimeError, ValueError) as error:
        raise ConversionError(
            f"torch.export can't follow the model: {error}\n"
            "Remedy: no Python branches on the values of tensors, and nothing that fixes the batch size."
        ) from error
    # With an empty table nothing is decomposed, but in-place ops and views become functional: the interpreter may then
    # treat each node as a value.
    program = program.run_decompositions({})
    stored = {**program.state_dict, **program.constants}
    constants = {
        spec.arg.name: stored[spec.target].detach()
        for spec in program.graph_signature.input_specs
        if spec.kind is not InputKind.USER_INPUT and isinstance(stored.get(spec.target), torch.Tensor)
    }
    returned = next(node for node in program.graph.nodes if node.op == "output").args[0]
    outputs = [
        node
        for node, spec in zip(returned, program.graph_signature.output_specs, strict=True)
        if spec.kind is OutputKind.USER_OUTPUT
    ]
    return Graph(program.graph, constants, outputs)


def _dynamic_shapes(shapes: Sequence[Shape]) -> tuple[dict[int, object], ...]:
    batch = torch.export.Dim("batch", min=1)
    return tuple(
        {axis: batch if axis == 0 else torch.export.Dim.AUTO for axis, size in enumerate(shape) if size is None}
        for shape in shapes
    )
