"""What an engine is: what computes an artifact in process. One module each, `engines/NAME.py`, with these names.

Servers, in-process timing, format equivalence and `bakeoff sizes --measure` all use the same module. It is imported as
`engines.NAME` with the checkout's root at the end of sys.path: some are called as the package that they are made on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from bakeoff.schema import Model

Arrays = dict[str, np.ndarray[Any, Any]]

Predictor = Callable[[Arrays], Arrays]
"""Computes outputs by name from inputs by name, of any batch and length, for one caller at a time."""


class Engine(Protocol):
    """The module of an engine."""

    REFUSALS: tuple[type[Exception], ...]
    """What it raises for an artifact that it can't load, or inputs that it can't run: those of other shapes."""

    def load(self, artifact: Path, model: Model, threads: int) -> Predictor:
        """Load an artifact, the file or folder that its manifest names; raises REFUSALS.

        `threads`: of one prediction; 0 is one, or what the whole process has already where the engine shares them.
        What it keeps for one set of shapes is ready for a batch of one, of the middle length where the model has any.
        """


def predict_by(predict: Predictor, inputs: Arrays, batch: int) -> Arrays:
    """Predict in batches of one size and stack the outputs; a rest that fills no batch is left out."""
    count = len(next(iter(inputs.values())))
    starts = range(0, count - batch + 1, batch)
    parts = [predict({name: array[start : start + batch] for name, array in inputs.items()}) for start in starts]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def zeros(model: Model, batch: int, length: int) -> Arrays:
    """Return inputs of zeros; `length`: the size of what is free beyond the batch."""
    return {
        spec.name: np.zeros([batch, *(length if size is None else size for size in spec.shape[1:])], spec.dtype)
        for spec in model.inputs
    }


def middle_length(model: Model) -> int:
    """Return the length that stands for a model's others; 1 where it has none."""
    return sorted(model.lengths)[len(model.lengths) // 2] if model.lengths else 1


def warm_up(predict: Predictor, model: Model, batches: Sequence[int] = (1, 3), calls: int = 3) -> None:
    """Run a predictor on zeros in each batch and length; raises what it raises.

    PyTorch specialises in the first two calls of a shape; TensorFlow optimises a graph in its first calls.
    """
    for batch, length in itertools.product(batches, model.lengths or (1,)):
        arrays = zeros(model, batch, length)
        for _ in range(calls):
            predict(arrays)
