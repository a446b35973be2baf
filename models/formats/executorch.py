"""ExecuTorch (.pte) with XNNPACK, what PyTorch runs on phones now; in an environment of its own (models/executorch)."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from aten_to_tf.errors import ConversionError
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import EdgeProgramManager, to_edge_transform_and_lower
from formats import _pytorch
from torch._export.verifier import SpecViolationError
from torch.export import ExportedProgram
from zoo_model import ZooModel

PACKAGES = ("torch", "executorch", "torchao", "numpy")
MAIN_FILE = "model.pte"
MAX_BATCH = 8
"""The largest batch where INPUTS sets none (the largest length is then that of LENGTHS): memory for it is set aside."""

_LACKING = re.compile(r"Operator torch\._ops\.([\w.]+) is not in Core ATen opset")


def export(model: ZooModel, folder: Path, scratch: Path) -> None:
    program = _pytorch.export_program(model, MAX_BATCH, max(model.contract.lengths, default=None))
    # Lowering asks PyTorch which convolution it would take here, and NNPACK and MKL-DNN want batches of at least 16:
    # it would note 15 as the largest batch.
    with torch.backends.nnpack.flags(enabled=False), torch.backends.mkldnn.flags(enabled=False):
        lowered = _lower(program)
    (folder / MAIN_FILE).write_bytes(lowered.to_executorch().buffer)


def _lower(program: ExportedProgram) -> EdgeProgramManager:
    try:
        return to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    except SpecViolationError as error:
        lacking = _LACKING.search(str(error))
        if lacking is None:
            raise
        raise ConversionError(f"ExecuTorch has no kernel for the op {lacking[1]}", lacking[1]) from error
