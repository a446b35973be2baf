"""PyTorch's lite interpreter, which PyTorch Mobile ran, in PyTorch's own library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.jit.mobile import _load_for_lite_interpreter

from engines import torchscript

if TYPE_CHECKING:
    from bakeoff.schema import Model
    from engines.engine import Predictor

REFUSALS = torchscript.REFUSALS


def load(artifact: Path, model: Model, threads: int) -> Predictor:
    if threads:
        torch.set_num_threads(threads)
    return torchscript.predictor_of(_load_for_lite_interpreter(str(artifact)), model)
