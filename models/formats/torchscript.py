"""PyTorch's TorchScript, traced; and the same packed as TorchServe's .mar with our handler."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import torch
from formats import _pytorch
from sources import HANDLER, packed_files
from zoo_model import ZooModel

PACKAGES = ("torch", "torch-model-archiver", "numpy")
MAIN_FILE = "model.pt"
PACKAGE = "{model}.mar"

# maxBatchDelay: TorchServe takes 0 for 100 ms; the least is 1. Times are in seconds, the delay in milliseconds.
_WORKER = {
    "minWorkers": 1,
    "maxWorkers": 1,
    "batchSize": 1,
    "maxBatchDelay": 1,
    "responseTimeout": 120,
    "startupTimeout": 120,
}


def export(model: ZooModel, folder: Path, scratch: Path) -> None:
    # The plain trace is saved: a module that went through optimize_for_inference can't always be loaded again.
    traced = _pytorch.trace(model)
    content = io.BytesIO()  # given a path, torch.jit.save aborts the whole process where the disk is full
    torch.jit.save(traced, content)
    (folder / MAIN_FILE).write_bytes(content.getbuffer())
    _pack(model, folder, scratch)


def _pack(model: ZooModel, folder: Path, scratch: Path) -> None:
    """Make MODEL.mar; raises FileNotFoundError where a file of ours is gone, RuntimeError with the archiver's words."""
    library = scratch / "library"
    for name, file in packed_files().items():
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, library / name)
    settings = {**_WORKER, "handler": model.description}
    config = scratch / "model-config.yaml"
    # JSON values are YAML values, and a key a line keeps the file readable.
    config.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in settings.items()))
    command = [sys.executable, "-m", "model_archiver.model_packaging", "--model-name", model.name, "--version", "1.0"]
    command += ["--serialized-file", str(folder / MAIN_FILE), "--handler", str(HANDLER), "--extra-files", str(library)]
    command += ["--config-file", str(config), "--export-path", str(folder), "--force"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if finished.returncode or not (folder / PACKAGE.format(model=model.name)).is_file():
        raise RuntimeError(f"torch-model-archiver failed: {finished.stderr.strip() or finished.stdout.strip()}")
