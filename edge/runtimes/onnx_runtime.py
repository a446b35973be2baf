"""ONNX in ONNX Runtime, on its CPU provider."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as errors

REFUSALS = (errors.Fail, errors.InvalidGraph, errors.InvalidArgument, errors.NotImplemented, errors.RuntimeException)

Arrays = dict[str, np.ndarray]


def load(artifact: Path, example: Arrays, outputs: list[str], threads: int) -> Callable[[Arrays], Arrays]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(str(artifact), options, providers=["CPUExecutionProvider"])

    def predict(arrays: Arrays) -> Arrays:
        return dict(zip(outputs, session.run(outputs, arrays), strict=True))

    return predict
