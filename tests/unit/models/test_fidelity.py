"""How close answers are: the worst sample counts, and no NaN is lost."""

from __future__ import annotations

import numpy as np
import pytest
from fidelity import describe_fidelity


def scores(*rows: list[float]) -> dict[str, np.ndarray]:
    return {"scores": np.array(rows, np.float32)}


def test_the_worst_sample_counts() -> None:
    expected, actual = scores([3, 4], [1, 0]), scores([3, 4], [0.5, 0.5])
    found = describe_fidelity([(expected, actual)])
    assert found["max_abs_error"] == 0.5
    assert found["cosine"] == pytest.approx(0.5**0.5)
    assert (found["top1"], found["samples"]) == (1.0, 2)


def test_agreement_is_the_share_of_samples_over_all_lengths() -> None:
    same, other = scores([1, 2]), scores([2, 1])
    assert describe_fidelity([(same, same), (same, other), (same, same), (same, same)])["top1"] == 0.75


def test_equal_zeros_are_the_same_and_zeros_for_something_are_not() -> None:
    zero, one = scores([0, 0]), scores([1, 0])
    assert describe_fidelity([(zero, zero)])["cosine"] == 1.0
    assert describe_fidelity([(one, zero)])["cosine"] == 0.0


@pytest.mark.parametrize("values", [np.zeros((2, 1)), np.zeros((2, 3, 4)), np.zeros((2, 3), np.int64)])
def test_what_is_no_row_of_scores_has_no_top_1(values: np.ndarray) -> None:
    assert describe_fidelity([({"y": values}, {"y": values})])["top1"] is None


def test_a_nan_anywhere_is_no_small_error() -> None:
    found = describe_fidelity([(scores([1, 2], [1, 2]), scores([1, 2], [float("nan"), 2]))])
    assert (found["max_abs_error"], found["cosine"]) == (float("inf"), None)


def test_all_outputs_count() -> None:
    expected = {"a": np.ones((1, 2), np.float32), "b": np.ones((1, 2), np.float32)}
    assert describe_fidelity([(expected, expected | {"b": expected["b"] * 3})])["max_abs_error"] == 2.0
