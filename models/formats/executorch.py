"""ExecuTorch (.pte) with XNNPACK, what PyTorch runs on phones now; in an environment of its own (models/executorch)."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from aten_to_tf.errors import ConversionError
from contract import Arrays, Predict
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import EdgeProgramManager, to_edge_transform_and_lower
from executorch.extension.pybindings.portable_lib import _unsafe_reset_threadpool
from executorch.runtime import Runtime
from formats import _pytorch
from torch._export.verifier import SpecViolationError
from torch.export import ExportedProgram
from zoo_model import ZooModel

RUNTIME = "executorch"
PACKAGES = ("torch", "executorch", "torchao", "numpy")
IS_EXACT = True
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


def load(model: ZooModel, folder: Path) -> Predict:
    """Load an artifact with one thread; what is more than its largest batch is predicted in parts."""
    _unsafe_reset_threadpool(1)
    program = Runtime.get().load_program(folder / MAIN_FILE)
    meta = program.metadata("forward")
    largest = [meta.input_tensor_meta(at).sizes() for at in range(meta.num_inputs())]
    names = [spec["name"] for spec in model.outputs]

    def predict(arrays: Arrays) -> Arrays:
        tensors = model.tensors(arrays)
        for tensor, sizes in zip(tensors, largest, strict=True):
            # The runtime itself looks only at the number of elements.
            if any(size > most for size, most in zip(tensor.shape[1:], sizes[1:], strict=True)):
                raise ValueError(f"{list(tensor.shape)} is larger than the program was made for, {list(sizes)}")
        parts = zip(*(tensor.split(largest[0][0]) for tensor in tensors), strict=True)
        returned = zip(*(program.load_method("forward").execute(part) for part in parts), strict=True)
        return {name: torch.cat(outputs).numpy() for name, outputs in zip(names, returned, strict=True)}

    return predict
