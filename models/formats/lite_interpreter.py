"""PyTorch's lite interpreter (.ptl): what PyTorch Mobile and PyTorch Live ran. Legacy: ExecuTorch is its successor."""

from __future__ import annotations

from pathlib import Path

import torch
from contract import Arrays, Predict
from formats import _pytorch
from torch.jit.mobile import _load_for_lite_interpreter
from zoo_model import ZooModel, run_network

RUNTIME = "torch.jit.mobile"
PACKAGES = ("torch", "numpy")
IS_EXACT = True
MAIN_FILE = "model.ptl"


def export(model: ZooModel, folder: Path, scratch: Path) -> None:
    # Frozen, because optimize_for_mobile folded batch norm too; it is itself no part of today's builds of PyTorch.
    traced = torch.jit.freeze(_pytorch.trace(model))
    (folder / MAIN_FILE).write_bytes(traced._save_to_buffer_for_lite_interpreter())


def load(model: ZooModel, folder: Path) -> Predict:
    loaded = _load_for_lite_interpreter(str(folder / MAIN_FILE))
    names = [spec["name"] for spec in model.outputs]

    def predict(arrays: Arrays) -> Arrays:
        return run_network(loaded, model.tensors(arrays), names)

    return predict
