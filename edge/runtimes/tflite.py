"""TFLite in tflite-runtime or in its successor, ai-edge-litert, whichever this environment has."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]

_PACKAGE = next(name for name in ("tflite_runtime", "ai_edge_litert") if importlib.util.find_spec(name))
Interpreter = importlib.import_module(f"{_PACKAGE}.interpreter").Interpreter


def load(artifact: Path, example: Arrays, outputs: list[str], threads: int) -> Callable[[Arrays], Arrays]:
    interpreter = Interpreter(model_path=str(artifact), num_threads=threads)
    into, out_of = _tensor_numbers(interpreter)
    for name, array in example.items():
        interpreter.resize_tensor_input(into[name], array.shape)
    interpreter.allocate_tensors()

    def predict(arrays: Arrays) -> Arrays:
        for name, array in arrays.items():
            interpreter.set_tensor(into[name], array)
        interpreter.invoke()
        return {name: interpreter.get_tensor(out_of[name]) for name in outputs}

    return predict


def _tensor_numbers(interpreter: Any) -> tuple[dict[str, int], dict[str, int]]:
    """Return the tensor of each input and output by name. The runner must be gone before tensors are allocated."""
    runner = interpreter.get_signature_runner("serving_default")
    details = runner.get_input_details(), runner.get_output_details()
    into, out_of = ({name: int(detail["index"]) for name, detail in part.items()} for part in details)
    return into, out_of
