"""Format parity and golden outputs: an artifact in process, in its own runtime, against PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from zoo_model import Arrays, Predict, ZooModel

BATCHES = (1, 3)
GOLDEN_SEED = 7
_GOLDEN_BYTES = 10_000_000


class ParityError(Exception):
    """An exact format whose outputs are not PyTorch's."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Inputs, and PyTorch's outputs for each of them by itself; both stacked on axis 0."""

    inputs: Arrays
    outputs: Arrays


def golden_count(sample_bytes: int) -> int:
    """Choose how many samples are kept: 32, fewer where they are large, at least 16."""
    return max(16, min(32, _GOLDEN_BYTES // max(1, sample_bytes)))


def make_reference(model: ZooModel) -> Reference:
    """Run PyTorch on the golden samples."""
    sample_bytes = sum(array.nbytes for array in model.samples(1, GOLDEN_SEED).values())
    inputs = model.samples(golden_count(sample_bytes), GOLDEN_SEED)
    return Reference(inputs, predict_by(model.predict, inputs, batch=1))


def predict_by(predict: Predict, inputs: Arrays, batch: int) -> Arrays:
    """Predict in batches of one size and stack the outputs; a rest that fills no batch is left out."""
    parts = [predict(part) for part in _batches(inputs, batch)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _batches(inputs: Arrays, batch: int) -> Iterator[Arrays]:
    count = len(next(iter(inputs.values())))
    for i in range(0, count - batch + 1, batch):
        yield {name: array[i : i + batch] for name, array in inputs.items()}


def check_parity(
    model: ZooModel, reference: Reference, predict: Predict, runtime: str, is_exact: bool
) -> list[dict[str, Any]]:
    """Compare at every batch size, largest error over all golden samples; raises ParityError for an exact format."""
    results = []
    for batch in BATCHES:
        outputs = predict_by(predict, reference.inputs, batch)
        errors = [_compare(model, name, outputs, reference.outputs[name]) for name in reference.outputs]
        largest, ok = max(error for error, _ in errors), all(within for _, within in errors)
        # An inexact format is as it has to be when it answers numbers at all: its error is for the reader to judge.
        passed = ok if is_exact else np.isfinite(largest)
        results.append({"runtime": runtime, "batch": batch, "max_abs_error": largest, "ok": bool(passed)})
        if is_exact and not ok:
            raise ParityError(
                f"at batch {batch} {runtime} differs from PyTorch by up to {largest:.3g}, more than the tolerance "
                f"(atol {model.atol:g}, rtol {model.rtol:g}): the conversion is wrong, or the tolerance is too tight"
            )
    return results


def _compare(model: ZooModel, name: str, outputs: Arrays, reference: np.ndarray) -> tuple[float, bool]:
    actual = outputs[name]
    expected = reference[: len(actual)]
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        raise ParityError(
            f"output {name} is {actual.dtype} {actual.shape}, PyTorch's is {expected.dtype} {expected.shape}"
        )
    # NaN is never within a tolerance, but it is not an error that max() would show.
    error = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
    largest = float(error.max()) if np.isfinite(error).all() else float("inf")
    return largest, bool((error <= model.allowed_error(expected)).all())
