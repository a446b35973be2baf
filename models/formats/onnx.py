"""ONNX, as ONNX Runtime loads it on servers, phones and in browsers."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import torch
from contract import Arrays, Predict
from formats import _program
from onnx_ir.passes.common import ClearMetadataAndDocStringPass
from zoo_model import ZooModel

RUNTIME = "onnxruntime"
PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy")
IS_EXACT = True
MAIN_FILE = "model.onnx"


def export(model: ZooModel, folder: Path, scratch: Path) -> None:
    names = {"input_names": [spec["name"] for spec in model.inputs]}
    names |= {"output_names": [spec["name"] for spec in model.outputs]}
    program = torch.onnx.export(_program.export_program(model), **names, verbose=False)
    # Each node carries the lines of Python that it comes from: bytes, and paths of the machine that exported.
    ClearMetadataAndDocStringPass()(program.model)
    # One file: weights beside it would be a second thing to deploy.
    program.save(str(folder / MAIN_FILE), external_data=False)


def load(model: ZooModel, folder: Path) -> Predict:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(folder / MAIN_FILE), options, providers=["CPUExecutionProvider"])
    names = [spec["name"] for spec in model.outputs]

    def predict(arrays: Arrays) -> Arrays:
        return dict(zip(names, session.run(names, arrays), strict=True))

    return predict
