"""Parity: what counts as the same, at each batch size."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from parity import ParityError, Reference, check_parity, golden_count, make_references
from zoo_model import Arrays, Predict, ZooModel, load_model

from engines.engine import predict_by


@pytest.fixture(scope="module")
def model(make_model_folder: Callable[..., Path]) -> ZooModel:
    return load_model(make_model_folder())


@pytest.fixture(scope="module")
def reference(model: ZooModel) -> Reference:
    return make_references(model)[0]


def shifted(model: ZooModel, change: Callable[[np.ndarray], np.ndarray]) -> Predict:
    """Make an artifact that changes one output of the model."""

    def predict(arrays: Arrays) -> Arrays:
        outputs = model.predict(arrays)
        return outputs | {"features": change(outputs["features"])}

    return predict


def test_the_largest_error_over_all_samples_and_outputs_is_told(model: ZooModel, reference: Reference) -> None:
    def change(features: np.ndarray) -> np.ndarray:
        return features + np.float32(0.25) * (features == reference.outputs["features"][5].max())

    one, two, three = check_parity(model, [reference], shifted(model, change), "some runtime", is_exact=False)
    assert [row["batch"] for row in (one, two, three)] == [1, 2, 3]
    assert (one["runtime"], one["length"]) == ("some runtime", None)
    assert one["max_abs_error"] == pytest.approx(0.25, abs=1e-5)
    assert one["ok"] is True  # an inexact format's error is told, not judged


def test_an_exact_format_must_be_within_the_tolerance(model: ZooModel, reference: Reference) -> None:
    near = shifted(model, lambda features: features + np.float32(5e-5))
    assert all(entry["ok"] for entry in check_parity(model, [reference], near, "r", is_exact=True))
    with pytest.raises(ParityError, match="at batch 1: r differs from PyTorch by up to 0.0002"):
        check_parity(model, [reference], shifted(model, lambda features: features + np.float32(2e-4)), "r", True)


def test_an_error_that_only_larger_batches_show_is_found(model: ZooModel, reference: Reference) -> None:
    first_row_only = shifted(model, lambda features: np.repeat(features[:1], len(features), axis=0))
    with pytest.raises(ParityError, match="at batch 2"):
        check_parity(model, [reference], first_row_only, "r", is_exact=True)


@pytest.mark.parametrize(
    "change",
    [lambda features: features[:, :1], lambda features: features.astype(np.float64)],
    ids=["shape", "dtype"],
)
def test_another_shape_or_dtype_is_an_error_in_every_format(
    model: ZooModel, reference: Reference, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    with pytest.raises(ParityError, match="output features is"):
        check_parity(model, [reference], shifted(model, change), "r", is_exact=False)


def test_a_format_that_answers_nan_does_not_hold_up(model: ZooModel, reference: Reference) -> None:
    broken = shifted(model, lambda features: features * np.float32("nan"))
    with pytest.raises(ParityError, match="at batch 1: r .*output features holds NaN"):
        check_parity(model, [reference], broken, "r", is_exact=False)


def test_a_format_that_fails_at_some_batch_does_not_hold_up(model: ZooModel, reference: Reference) -> None:
    def only_small(arrays: Arrays) -> Arrays:
        if len(arrays["picture"]) > 2:
            raise RuntimeError("INVALID_ARGUMENT: dim 0")
        return model.predict(arrays)

    with pytest.raises(ParityError, match="^at batch 3: r fails: INVALID_ARGUMENT: dim 0$"):
        check_parity(model, [reference], only_small, "r", is_exact=False)


def test_batches_cover_the_samples_in_order() -> None:
    sizes = []

    def predict(arrays: Arrays) -> Arrays:
        sizes.append(len(arrays["x"]))
        return {"y": arrays["x"] * 2}

    outputs = predict_by(predict, {"x": np.arange(7)}, batch=3)
    assert sizes == [3, 3]
    np.testing.assert_array_equal(outputs["y"], [0, 2, 4, 6, 8, 10])


@pytest.mark.parametrize(("sample_bytes", "count"), [(256, 32), (602_112, 16), (10**8, 16)])
def test_large_samples_are_kept_in_smaller_number(sample_bytes: int, count: int) -> None:
    assert golden_count(sample_bytes) == count
