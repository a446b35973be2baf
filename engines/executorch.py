"""ExecuTorch's program with XNNPACK, through its Python bindings, which need PyTorch itself for their tensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from executorch.extension.pybindings.portable_lib import _unsafe_reset_threadpool
from executorch.runtime import Runtime

if TYPE_CHECKING:
    from bakeoff.schema import Model
    from engines.engine import Arrays, Predictor

REFUSALS = (RuntimeError, ValueError)


def load(artifact: Path, model: Model, threads: int) -> Predictor:
    """Load a program; what is more than its largest batch is predicted in parts."""
    if threads:
        _unsafe_reset_threadpool(threads)
    program = Runtime.get().load_program(artifact)
    meta = program.metadata("forward")
    largest = [tuple(meta.input_tensor_meta(at).sizes()) for at in range(meta.num_inputs())]
    method = program.load_method("forward")
    inputs, outputs = [spec.name for spec in model.inputs], [spec.name for spec in model.outputs]

    def predict_part(tensors: tuple[torch.Tensor, ...]) -> Arrays:
        # A copy: the next prediction writes its outputs into the same memory.
        return {name: tensor.numpy().copy() for name, tensor in zip(outputs, method.execute(tensors), strict=True)}

    def predict(arrays: Arrays) -> Arrays:
        tensors = [torch.from_numpy(arrays[name]) for name in inputs]
        for tensor, sizes in zip(tensors, largest, strict=True):
            _check_size(tuple(tensor.shape), sizes)
        if len(tensors[0]) <= largest[0][0]:
            return predict_part(tuple(tensors))
        parts = [predict_part(part) for part in zip(*(tensor.split(largest[0][0]) for tensor in tensors), strict=True)]
        return {name: np.concatenate([part[name] for part in parts]) for name in outputs}

    return predict


def _check_size(shape: tuple[int, ...], largest: tuple[int, ...]) -> None:
    """Raise ValueError for what the runtime would take, since it looks only at the number of elements."""
    if len(shape) != len(largest) or any(size > most for size, most in zip(shape[1:], largest[1:], strict=True)):
        raise ValueError(f"{list(shape)} is larger than the program was made for, {list(largest)}")
