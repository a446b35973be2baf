"""ExecuTorch (.pte) with XNNPACK, what PyTorch runs on phones now; in an environment of its own (models/executorch)."""

from __future__ import annotations

from pathlib import Path

import torch
from contract import Arrays, Predict
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from executorch.extension.pybindings.portable_lib import _unsafe_reset_threadpool
from executorch.runtime import Runtime
from formats import _program
from zoo_model import ZooModel

RUNTIME = "executorch"
PACKAGES = ("torch", "executorch", "torchao", "numpy")
IS_EXACT = True
MAIN_FILE = "model.pte"
MAX_BATCH = 8
"""The largest batch where INPUTS sets none (the largest length is then that of LENGTHS): memory for it is set aside."""


def export(model: ZooModel, folder: Path, scratch: Path) -> None:
    program = _program.export_program(model, MAX_BATCH, max(model.contract.lengths, default=None))
    # Lowering asks PyTorch which convolution it would take here, and NNPACK and MKL-DNN want batches of at least 16:
    # it would note 15 as the largest batch.
    with torch.backends.nnpack.flags(enabled=False), torch.backends.mkldnn.flags(enabled=False):
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    (folder / MAIN_FILE).write_bytes(lowered.to_executorch().buffer)


def load(model: ZooModel, folder: Path) -> Predict:
    """Load an artifact with one thread; what is more than its largest batch is predicted in parts."""
    _unsafe_reset_threadpool(1)
    program = Runtime.get().load_program(folder / MAIN_FILE)
    most = program.metadata("forward").input_tensor_meta(0).sizes()[0]
    names = [spec["name"] for spec in model.outputs]

    def predict(arrays: Arrays) -> Arrays:
        parts = zip(*(tensor.split(most) for tensor in model.tensors(arrays)), strict=True)
        returned = zip(*(program.load_method("forward").execute(part) for part in parts), strict=True)
        return {name: torch.cat(tensors).numpy() for name, tensors in zip(names, returned, strict=True)}

    return predict
