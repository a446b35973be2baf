"""TorchScript in PyTorch, optimised for inference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from bakeoff.schema import Model
    from engines.engine import Arrays, Predictor

REFUSALS = (RuntimeError, ValueError)


def load(artifact: Path, model: Model, threads: int) -> Predictor:
    if threads:
        torch.set_num_threads(threads)
    module = torch.jit.load(str(artifact), map_location="cpu").eval()
    # Here and not at export: an optimised MobileNetV2 can be saved but never loaded again.
    return predictor_of(torch.jit.optimize_for_inference(module), model)


def predictor_of(module: Callable[..., Any], model: Model) -> Predictor:
    """Return a function over arrays that calls a module in the order of the inputs."""
    inputs, outputs = [spec.name for spec in model.inputs], [spec.name for spec in model.outputs]

    def predict(arrays: Arrays) -> Arrays:
        tensors = [torch.from_numpy(_writable(arrays[name])) for name in inputs]
        with torch.inference_mode():
            returned = module(*tensors)
        if isinstance(returned, dict):
            return {name: returned[name].numpy() for name in outputs}
        values = (returned,) if isinstance(returned, torch.Tensor) else returned
        return {name: value.numpy() for name, value in zip(outputs, values, strict=True)}

    return predict


def _writable(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # torch warns of arrays over read-only bytes, whose tensors it would let be written
    return array if array.flags.writeable else array.copy()
