"""PyTorch's lite interpreter, which PyTorch Mobile ran, in PyTorch's own library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from runtimes.torch_jit import predictor
from torch.jit.mobile import _load_for_lite_interpreter

Arrays = dict[str, np.ndarray]


def load(artifact: Path, example: Arrays, outputs: list[str], threads: int) -> Callable[[Arrays], Arrays]:
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    return predictor(_load_for_lite_interpreter(str(artifact)), outputs)
