"""PyTorch's lite interpreter (.ptl): what PyTorch Mobile and PyTorch Live ran. Legacy: ExecuTorch is its successor."""

from __future__ import annotations

from pathlib import Path

import torch
from formats import _pytorch
from zoo_model import ZooModel

PACKAGES = ("torch", "numpy")
MAIN_FILE = "model.ptl"


def export(model: ZooModel, folder: Path, scratch: Path) -> None:
    # Frozen, because optimize_for_mobile folded batch norm too; it is itself no part of today's builds of PyTorch.
    traced = torch.jit.freeze(_pytorch.trace(model))
    (folder / MAIN_FILE).write_bytes(traced._save_to_buffer_for_lite_interpreter())
