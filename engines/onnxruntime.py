"""ONNX in ONNX Runtime, on its CPU provider."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as errors

if TYPE_CHECKING:
    from bakeoff.schema import Model
    from engines.engine import Arrays, Predictor

REFUSALS = (
    errors.Fail,
    errors.InvalidArgument,
    errors.InvalidGraph,
    errors.InvalidProtobuf,
    errors.NoSuchFile,
    errors.NotImplemented,
    errors.RuntimeException,
    ValueError,
)
ERRORS_ONLY = 3


def load(artifact: Path, model: Model, threads: int) -> Predictor:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads or 1, 1
    options.log_severity_level = ERRORS_ONLY
    session = onnxruntime.InferenceSession(str(artifact), options, providers=["CPUExecutionProvider"])
    outputs = [spec.name for spec in model.outputs]

    def predict(arrays: Arrays) -> Arrays:
        return dict(zip(outputs, session.run(outputs, arrays), strict=True))

    return predict
