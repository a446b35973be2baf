"""TFLite in the interpreter that tflite-runtime and ai-edge-litert both have."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.engine import Arrays, Predictor, middle_length, zeros

if TYPE_CHECKING:
    from bakeoff.schema import Model, TensorSpec

REFUSALS = (RuntimeError, ValueError)
SIGNATURE = "serving_default"
KEPT_SHAPES = 4  # an interpreter holds its activations, which grow with the batch; more only for a model's own lengths

Shapes = tuple[tuple[int, ...], ...]
Factory = Callable[[], Any]


def load(interpreter_type: Callable[..., Any], artifact: Path, model: Model, threads: int) -> Predictor:
    """Load an artifact into interpreters of a type."""
    factory = partial(interpreter_type, model_path=str(artifact), num_threads=threads or 1)
    predictor = _Interpreters(factory, model)
    predictor.interpreter(zeros(model, 1, middle_length(model)))
    return predictor


class _Interpreters:
    """A model's interpreters, each kept for one set of input shapes."""

    def __init__(self, factory: Factory, model: Model) -> None:
        self._inputs = [spec.name for spec in model.inputs]
        self._kept = lru_cache(max(KEPT_SHAPES, len(model.lengths)))(partial(_ShapedInterpreter, factory, model))

    def __call__(self, arrays: Arrays) -> Arrays:
        try:
            return self.interpreter(arrays).run(arrays)
        except REFUSALS:
            self._kept.cache_clear()  # an interpreter is in no known state after an error
            raise

    def interpreter(self, arrays: Arrays) -> _ShapedInterpreter:
        """Return the interpreter for the shapes of some inputs."""
        return self._kept(tuple(arrays[name].shape for name in self._inputs))


class _ShapedInterpreter:
    """An interpreter whose tensors are allocated for one set of input shapes, and never for others.

    LiteRT 2.3 now and then answers int8 models with rubbish after that: see docs/lean-server.md.
    """

    def __init__(self, factory: Factory, model: Model, shapes: Shapes) -> None:
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


def _tensor_numbers(interpreter: Any, model: Model) -> tuple[dict[str, int], dict[str, int]]:
    """Return the tensor of each input and of each output by name.

    The signature's runner must be gone afterwards: an interpreter that one refers to doesn't allocate its tensors.
    """
    signature = interpreter.get_signature_runner(SIGNATURE)
    return (
        _numbers(signature.get_input_details(), model.inputs),
        _numbers(signature.get_output_details(), model.outputs),
    )


def _numbers(details: dict[str, Any], specs: tuple[TensorSpec, ...]) -> dict[str, int]:
    expected = {spec.name: np.dtype(spec.dtype) for spec in specs}
    found = {name: np.dtype(detail["dtype"]) for name, detail in details.items()}
    if found != expected:
        raise ValueError(f"the artifact's tensors are {found}, those of model.json {expected}; export it again")
    return {spec.name: int(details[spec.name]["index"]) for spec in specs}
