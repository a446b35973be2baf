"""TorchScript in PyTorch, optimised for inference as our servers do it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

Arrays = dict[str, np.ndarray]


def load(artifact: Path, example: Arrays, outputs: list[str], threads: int) -> Callable[[Arrays], Arrays]:
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    module = torch.jit.optimize_for_inference(torch.jit.load(str(artifact), map_location="cpu").eval())
    return predictor(module, outputs)


def predictor(module: Callable[..., Any], outputs: list[str]) -> Callable[[Arrays], Arrays]:
    """Return a function over arrays that calls a module in the order of the inputs."""

    def predict(arrays: Arrays) -> Arrays:
        with torch.inference_mode():
            returned = module(*(torch.from_numpy(array) for array in arrays.values()))
        if isinstance(returned, dict):
            return {name: returned[name].numpy() for name in outputs}
        tensors = (returned,) if isinstance(returned, torch.Tensor) else returned
        return {name: tensor.numpy() for name, tensor in zip(outputs, tensors, strict=True)}

    return predict
