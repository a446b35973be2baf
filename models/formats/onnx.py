"""ONNX, as ONNX Runtime loads it on servers, phones and in browsers."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from aten_to_tf.errors import ConversionError
from aten_to_tf.whole import recurrences_kept_whole
from formats import _pytorch
from onnx_ir.passes.common import ClearMetadataAndDocStringPass
from zoo_model import ZooModel

PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy")
MAIN_FILE = "model.onnx"

_LACKING = re.compile(r"No ONNX function found for <OpOverload\(op='([\w.]+)', overload='(\w+)'\)>")


def export(model: ZooModel, folder: Path, scratch: Path) -> None:
    names = {"input_names": [spec["name"] for spec in model.inputs]}
    names |= {"output_names": [spec["name"] for spec in model.outputs]}
    try:
        with recurrences_kept_whole():  # ONNX has LSTM and GRU of any length
            program = torch.onnx.export(_pytorch.export_program(model), **names, verbose=False)
    except torch.onnx.OnnxExporterError as error:
        raise _conversion_error(str(error)) from error
    # Each node carries the lines of Python that it comes from: bytes, and paths of the machine that exported.
    ClearMetadataAndDocStringPass()(program.model)
    # One file: weights beside it would be a second thing to deploy.
    program.save(str(folder / MAIN_FILE), external_data=False)


def _conversion_error(text: str) -> ConversionError:
    """Take what matters out of the page that the exporter writes."""
    summary = text.partition("## Exception summary")[2].strip() or text
    lacking = _LACKING.search(summary)
    if lacking is None:
        return ConversionError(f"PyTorch's ONNX exporter failed: {summary}")
    op = ".".join(lacking.groups())
    return ConversionError(f"ONNX has no counterpart for the op {op}", op)
