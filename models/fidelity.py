"""How close an artifact's answers are to PyTorch's: for the reader of the size report to judge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


def describe_fidelity(pairs: Iterable[tuple[Arrays, Arrays]]) -> dict[str, Any]:
    """Compare outputs by name, PyTorch's first, each stacked over samples; one pair a length.

    max_abs_error and cosine are the worst over all samples and outputs. top1: the share of samples for which the
    largest value of the first output is at the same place; null unless that is float and [batch, two or more].
    """
    errors, cosines, agreements, samples = [], [], [], 0
    for expected, actual in pairs:
        first = next(iter(expected))
        samples += len(expected[first])
        for name, reference in expected.items():
            a, b = (_rows(array) for array in (reference, actual[name]))
            errors.append(float(np.abs(a - b).max(initial=0.0)))
            cosines += _cosines(a, b)
        if expected[first].ndim == 2 and expected[first].shape[1] >= 2 and expected[first].dtype.kind == "f":
            agreements += list(expected[first].argmax(axis=1) == actual[first].argmax(axis=1))
    # max() and min() would lose a NaN that doesn't come first.
    finite = bool(np.isfinite(errors).all())
    return {
        "max_abs_error": max(errors) if finite else float("inf"),
        "cosine": min(cosines, default=None) if finite else None,
        "top1": float(np.mean(agreements)) if agreements else None,
        "samples": samples,
    }


def _rows(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), -1).astype(np.float64)


def _cosines(a: np.ndarray, b: np.ndarray) -> list[float]:
    """Give the cosine of each row's angle; rows of which one is all zeros have none, two such rows are the same."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    same = (a == b).all(axis=1)
    angles = np.where(same, 1.0, (a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1.0))
    return [float(min(1.0, angle)) for angle in angles]
