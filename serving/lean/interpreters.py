"""TFLite interpreters of either runtime, each kept for one set of input shapes."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from request_error import invalid
from served_model import ServedModel

from bakeoff.wire.tensors import Arrays, Specs

SIGNATURE = "serving_default"
WARM_UP_RUNS = 3
KEPT_SHAPES = 4  # an interpreter holds its activations, which grow with the batch; more only for a model's own lengths

_RUNTIMES = (("tflite_runtime", "tflite-runtime"), ("ai_edge_litert", "ai-edge-litert"))

Shapes = tuple[tuple[int, ...], ...]
Factory = Callable[[], Any]


class UnsupportedArtifactError(Exception):
    """The runtime can't load or run the artifact; the text is its own message."""


class Runtime:
    """The TFLite runtime of this environment: tflite-runtime or its successor, ai-edge-litert."""

    def __init__(self) -> None:
        for package, distribution in _RUNTIMES:
            if importlib.util.find_spec(package):
                self.interpreter_type = importlib.import_module(f"{package}.interpreter").Interpreter
                self.label = f"{distribution} {importlib.metadata.version(distribution)}"
                return
        raise ModuleNotFoundError("no TFLite runtime here; install this target's requirements.txt")


class Predictor:
    """Runs a model on arrays, for one caller at a time: one worker's interpreters."""

    def __init__(self, runtime: Runtime, file: Path, model: ServedModel, threads: int) -> None:
        self._factory = lambda: runtime.interpreter_type(model_path=str(file), num_threads=threads)
        self._model = model
        self._kept: OrderedDict[Shapes, _ShapedInterpreter] = OrderedDict()
        self._most = max(KEPT_SHAPES, len(model.lengths))

    def __call__(self, arrays: Arrays) -> Arrays:
        """Return the outputs for checked inputs; raises RequestError where the runtime refuses their shapes."""
        try:
            return self._interpreter(arrays).run(arrays)
        except (RuntimeError, ValueError) as error:
            self._kept.clear()  # an interpreter is in no known state after an error
            raise invalid(f"the model can't run on these inputs: {error}") from error

    def warm_up(self) -> int:
        """Load the model, return the ns that a batch of one of its longest takes; raises UnsupportedArtifactError."""
        try:
            return [self._warm_up(length) for length in sorted(self._model.lengths) or [1]][-1]
        except (RuntimeError, ValueError) as error:
            raise UnsupportedArtifactError(" ".join(str(error).split())) from error

    def _warm_up(self, length: int) -> int:
        zeros = {
            spec.name: np.zeros([1, *(length if size is None else size for size in spec.shape[1:])], spec.dtype)
            for spec in self._model.inputs
        }
        return min(self._time(zeros) for _ in range(WARM_UP_RUNS))

    def _time(self, arrays: Arrays) -> int:
        start_ns = time.perf_counter_ns()
        self._interpreter(arrays).run(arrays)
        return time.perf_counter_ns() - start_ns

    def _interpreter(self, arrays: Arrays) -> _ShapedInterpreter:
        kept = self._kept
        shapes = tuple(arrays[spec.name].shape for spec in self._model.inputs)
        interpreter = kept.get(shapes)
        if interpreter is None:
            interpreter = kept[shapes] = _ShapedInterpreter(self._factory, self._model, shapes)
            if len(kept) > self._most:
                kept.popitem(last=False)
        kept.move_to_end(shapes)
        return interpreter


class _ShapedInterpreter:
    """An interpreter whose tensors are allocated for one set of input shapes, and never for others.

    LiteRT 2.3 now and then answers int8 models with rubbish after that: see docs/lean-server.md.
    """

    def __init__(self, factory: Factory, model: ServedModel, shapes: Shapes) -> None:
        self._interpreter = factory()
        self._inputs, self._outputs = _tensor_numbers(self._interpreter, model)
        for number, shape in zip(self._inputs.values(), shapes, strict=True):
            self._interpreter.resize_tensor_input(number, shape)
        self._interpreter.allocate_tensors()

    def run(self, arrays: Arrays) -> Arrays:
        for name, number in self._inputs.items():
            self._interpreter.set_tensor(number, arrays[name])
        self._interpreter.invoke()  # without Python's lock
        return {name: self._interpreter.get_tensor(number) for name, number in self._outputs.items()}


def _tensor_numbers(interpreter: Any, model: ServedModel) -> tuple[dict[str, int], dict[str, int]]:
    """Return the tensor of each input and of each output by name.

    The signature's runner must be gone afterwards: an interpreter that one refers to doesn't allocate its tensors.
    """
    signature = interpreter.get_signature_runner(SIGNATURE)
    return (
        _numbers(signature.get_input_details(), model.inputs),
        _numbers(signature.get_output_details(), model.outputs),
    )


def _numbers(details: dict[str, Any], specs: Specs) -> dict[str, int]:
    expected = {spec.name: np.dtype(spec.dtype) for spec in specs}
    found = {name: np.dtype(detail["dtype"]) for name, detail in details.items()}
    if found != expected:
        raise ValueError(f"the artifact's tensors are {found}, those of model.json {expected}; export it again")
    return {spec.name: int(details[spec.name]["index"]) for spec in specs}
