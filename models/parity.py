"""Format parity and golden outputs: an artifact in process, in its own runtime, against PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from contract import BATCHES, Arrays, Predict
from user_code import ModelError, brief
from zoo_model import ZooModel

from engines.engine import predict_by

GOLDEN_SEED = 7
_GOLDEN_BYTES = 10_000_000
_LEAST = 16
_LEAST_OF_A_LENGTH = 8


class ParityError(Exception):
    """A format that does not hold up: an exact one whose outputs are not PyTorch's, one that fails at some shape."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Inputs of one length, and PyTorch's outputs for each of them by itself; both stacked on axis 0."""

    length: int | None
    inputs: Arrays
    outputs: Arrays


def golden_count(sample_bytes: int) -> int:
    """Choose how many samples are kept: 32, fewer where they are large, at least 16."""
    return max(_LEAST, min(32, _GOLDEN_BYTES // max(1, sample_bytes)))


def make_references(model: ZooModel) -> list[Reference]:
    """Run PyTorch on the golden samples of each length, among which the count is divided."""
    references = []
    for length in model.lengths:
        sample_bytes = sum(array.nbytes for array in model.samples(1, GOLDEN_SEED, length).values())
        count = golden_count(sample_bytes)
        if length is not None:
            count = max(_LEAST_OF_A_LENGTH, count // len(model.lengths))
        inputs = model.samples(count, GOLDEN_SEED, length)
        references.append(Reference(length, inputs, predict_by(model.predict, inputs, batch=1)))
    return references


def check_parity(
    model: ZooModel, references: Sequence[Reference], predict: Predict, runtime: str, is_exact: bool
) -> list[dict[str, Any]]:
    """Compare at every batch size and length, largest error over all its golden samples.

    Raises ParityError, saying at which, where an exact format is not exact, and where any format fails, answers NaN or
    arrays of another kind than PyTorch's.
    """
    results = []
    for reference in references:
        for batch in BATCHES:
            at = f"at batch {batch}" + ("" if reference.length is None else f", length {reference.length}")
            largest, ok = _compare_all(model, reference, predict, batch, f"{at}: {runtime}")
            if is_exact and not ok:
                tolerance = f"atol {model.contract.atol:g}, rtol {model.contract.rtol:g}"
                raise ParityError(
                    f"{at}: {runtime} differs from PyTorch by up to {largest:.3g}, more than the tolerance "
                    f"({tolerance}): the conversion is wrong, or the tolerance is too tight"
                )
            # An inexact format is as it has to be when it answers numbers at all: its error is for the reader to judge.
            row = {"runtime": runtime, "batch": batch, "length": reference.length}
            results.append({**row, "max_abs_error": largest, "ok": True})
    return results


def _compare_all(model: ZooModel, reference: Reference, predict: Predict, batch: int, place: str) -> tuple[float, bool]:
    """Return the largest error over all outputs, and whether all are within the tolerance; raises ParityError."""
    try:
        outputs = predict_by(predict, reference.inputs, batch)
    except ModelError:
        raise
    except Exception as error:  # each runtime has its own
        raise ParityError(f"{place} fails: {brief(error)}") from error
    try:
        errors = [_compare(model, name, outputs, reference.outputs[name]) for name in reference.outputs]
    except ParityError as error:
        raise ParityError(f"{place} gives other arrays than PyTorch: {error}") from None
    return max(error for error, _ in errors), all(within for _, within in errors)


def _compare(model: ZooModel, name: str, outputs: Arrays, reference: np.ndarray) -> tuple[float, bool]:
    if name not in outputs:
        raise ParityError(f"output {name} is missing, there is {', '.join(outputs)}")
    actual = outputs[name]
    expected = reference[: len(actual)]
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        raise ParityError(
            f"output {name} is {actual.dtype} {actual.shape}, PyTorch's is {expected.dtype} {expected.shape}"
        )
    if not np.isfinite(actual).all():
        raise ParityError(f"output {name} holds NaN or infinity")
    error = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
    return float(error.max()), bool((error <= model.allowed_error(expected)).all())
