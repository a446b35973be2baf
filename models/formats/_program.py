"""What ONNX and ExecuTorch start from: torch.export's program of a model, with its free dimensions free."""

from __future__ import annotations

import torch
from aten_to_tf.errors import ConversionError
from torch.export import Dim, ExportedProgram
from zoo_model import ZooModel


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
            axis: Dim.DYNAMIC(min=low, max=high or largest_length) if axis else batch
            for axis, (low, high) in enumerate(spec.bounds)
            if low != high
        }
        for spec in model.contract.inputs
    )
    examples = model.tensors(model.samples(2, 0))
    try:
        return torch.export.export(model.network, examples, dynamic_shapes=shapes, strict=False)
    except (torch._dynamo.exc.UserError, torch._dynamo.exc.Unsupported) as error:
        raise ConversionError(f"torch.export can't follow the model: {error}") from error
