"""What PyTorch's formats and those made from its graph share: a model traced, and exported with free dimensions."""

from __future__ import annotations

import re

import torch
from aten_to_tf.errors import ConversionError
from aten_to_tf.whole import attention_in_parts
from torch.export import Dim, ExportedProgram
from zoo_model import ZooModel

_FIXED = re.compile(
    r"L\['(\w+)'\]\.size\(\)\[(\d+)\] as dynamic but your code specialized it to be a constant \((\d+)\)"
)


def trace(model: ZooModel) -> torch.jit.ScriptModule:
    """Record the network's operations on one batch."""
    with torch.no_grad():  # as it is served: PyTorch's encoder layers take another path where gradients are kept
        return torch.jit.trace(model.network, model.tensors(model.samples(2, 0)))


def export_program(
    model: ZooModel, largest_batch: int | None = None, largest_length: int | None = None
) -> ExportedProgram:
    """Export the network with every free dimension of INPUTS free, within its bounds there.

    The largest batch and length are the bounds of dimensions that have none there. Raises ConversionError where
    torch.export can't follow the network or finds a free dimension fixed.
    """
    limits = [spec.bounds[0][1] or largest_batch for spec in model.contract.inputs]
    batch = Dim("batch", min=1, max=min((limit for limit in limits if limit), default=None))
    shapes = tuple(
        {
            # Unlike Dim.AUTO, DYNAMIC is an error where the network fixes the size.
            axis: Dim.DYNAMIC(min=low, max=high or largest_length) if axis else batch
            for axis, (low, high) in enumerate(spec.bounds)
            if low != high
        }
        for spec in model.contract.inputs
    )
    examples = model.tensors(model.samples(2, 0))
    try:
        with attention_in_parts():
            return torch.export.export(model.network, examples, dynamic_shapes=shapes, strict=False)
    except (torch._dynamo.exc.UserError, torch._dynamo.exc.Unsupported) as error:
        fixed = _FIXED.search(str(error))
        if fixed is None:
            raise ConversionError(f"torch.export can't follow the model: {error}") from error
        raise ConversionError(
            f"dimension {fixed[2]} of the input {fixed[1]} is free in INPUTS, but torch.export makes a constant of it "
            f"({fixed[3]}, the example's), as it does of what Python loops over and of the length that an LSTM unrolls"
        ) from error
