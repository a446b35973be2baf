"""What engines/measure.py reads, checks and counts, without an engine."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bakeoff.schema import Model, TensorSpec
from engines.installed import _parsed, describe_installation
from engines.measure import check, percentile, read_golden
from engines.memory import busy_ns, share_waited
from engines.timing import input_rows, time_calls

X, Y = TensorSpec("x", "float32", (None, None)), TensorSpec("y", "float32", (None, 2))
MODEL = Model("m", "", (X,), (Y,), atol=0.1, rtol=0.0)
RIGHT = [{"y": np.array([[1.0, 2.0]], np.float32)}]


def answered(*values: float) -> list[dict[str, np.ndarray]]:
    return [{"y": np.array([values], np.float32)}]


def test_a_percentile_is_the_smallest_value_with_that_share_at_or_below() -> None:
    assert [percentile([1, 2, 3, 4], q) for q in (0.1, 0.5, 0.75, 0.9)] == [1, 2, 3, 4]
    assert percentile([7], 0.5) == 7


def test_inputs_are_batches_of_one(tmp_path: Path) -> None:
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.savez(tmp_path / "golden.npz", **{"input:x": x, "torch:y": 2 * x})
    inputs, expected = read_golden(tmp_path / "golden.npz", MODEL)
    assert [row["x"].tolist() for row in inputs] == [[[0, 1]], [[2, 3]], [[4, 5]]]
    assert expected[2]["y"].tolist() == [[8, 10]]


def test_of_several_lengths_the_middle_one_is_taken(tmp_path: Path) -> None:
    golden = {f"{key}@{n}": np.zeros((2, n)) for n in (8, 128, 32) for key in ("input:x", "torch:y")}
    np.savez(tmp_path / "golden.npz", **golden)
    inputs, _ = read_golden(tmp_path / "golden.npz", replace(MODEL, lengths=(8, 32, 128)))
    assert inputs[0]["x"].shape == (1, 32)


@pytest.mark.parametrize(
    ("lengths", "shapes"), [((2, 5), [(1, 2), (1, 5), (1, 2), (1, 5)]), ((), [(1, 3)])], ids=["lengths", "none"]
)
def test_rows_to_be_timed_take_the_lengths_in_turn(
    lengths: tuple[int, ...], shapes: list[tuple[int, int]], tmp_path: Path
) -> None:
    arrays = {f"input:x@{length}": np.zeros((length, length)) for length in lengths} or {"input:x": np.zeros((1, 3))}
    np.savez(tmp_path / "golden.npz", **arrays)
    rows = input_rows(tmp_path / "golden.npz", replace(MODEL, lengths=lengths))
    assert [row["x"].shape for row in rows] == shapes


def test_the_largest_error_is_told_and_an_exact_format_must_be_within_the_tolerance() -> None:
    assert check(answered(1.0, 2.5), RIGHT, MODEL, "tflite-int8") == 0.5
    assert check(answered(1.0, 2.0625), RIGHT, MODEL, "tflite-fp32") == 0.0625
    with pytest.raises(ValueError, match="answers wrongly: output y is off by 0.5"):
        check(answered(1.0, 2.5), RIGHT, MODEL, "tflite-fp32")


@pytest.mark.parametrize(("values", "says"), [((1.0,), "shape"), ((1.0, float("nan")), "NaN")])
def test_what_is_no_answer_is_refused_of_any_format(values: tuple[float, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check(answered(*values), RIGHT, MODEL, "tflite-int8")


def test_enough_calls_are_timed_each_input_in_turn() -> None:
    seen: list[int] = []
    taken = time_calls(lambda row: seen.append(int(row["x"][0])), [{"x": np.array([i])} for i in range(3)], 0, 7)
    assert seen == [0, 1, 2, 0, 1, 2, 0] and len(taken) == 7


def test_a_package_its_requirements_and_its_loaded_objects_are_counted_apart() -> None:
    said = describe_installation("pydantic", set())
    assert said["version"] and said["runtime_bytes"] > 0 and said["dependencies_bytes"] > 0
    assert (said["shared_objects_bytes"], said["shared_objects"]) == (0, [])


def test_what_a_package_needs_and_does_not_declare_is_a_dependency_too() -> None:
    alone, more = describe_installation("jinja2", set()), describe_installation("jinja2", set(), needs=["pydantic"])
    pydantic = describe_installation("pydantic", set())
    assert more["dependencies_bytes"] >= alone["dependencies_bytes"] + pydantic["runtime_bytes"]
    assert more["runtime_bytes"] == alone["runtime_bytes"]


def test_what_only_an_extra_requires_is_told_apart() -> None:
    assert _parsed("numpy (>=1.20) ; python_version >= '3.9'") == ("numpy", False)
    assert _parsed('nvidia-cublas-cu12<13.0,>=12.5; extra == "and-cuda"') == ("nvidia-cublas-cu12", True)


def test_what_threads_wait_for_one_another_is_no_disturbance() -> None:
    alone = share_waited(waiting=50, ran=100, busy=100)
    one_other = share_waited(waiting=150, ran=100, busy=200)
    others_while_idle = share_waited(waiting=0, ran=100, busy=200)
    assert (alone, one_other, others_while_idle) == (0.0, 0.5, 0.0)
    assert share_waited(waiting=0, ran=0, busy=0) == 0.0


def test_a_busy_loop_keeps_its_cpus_busy() -> None:
    before, ran = busy_ns(), time.process_time_ns()
    while time.process_time_ns() - ran < 200_000_000:
        pass
    assert busy_ns() - before >= 150_000_000
