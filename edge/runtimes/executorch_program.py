"""ExecuTorch's program with XNNPACK, through its Python bindings, which need PyTorch itself for their tensors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from executorch.extension.pybindings.portable_lib import _unsafe_reset_threadpool
from executorch.runtime import Runtime

Arrays = dict[str, np.ndarray]


def load(artifact: Path, example: Arrays, outputs: list[str], threads: int) -> Callable[[Arrays], Arrays]:
    _unsafe_reset_threadpool(threads)
    method = Runtime.get().load_program(artifact).load_method("forward")

    def predict(arrays: Arrays) -> Arrays:
        tensors = method.execute([torch.from_numpy(array) for array in arrays.values()])
        # A copy: the next prediction writes its outputs into the same memory.
        return {name: tensor.numpy().copy() for name, tensor in zip(outputs, tensors, strict=True)}

    return predict
