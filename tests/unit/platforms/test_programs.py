"""What a target's program says where it checks an artifact or times it: the same on every platform."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from bakeoff.errors import TargetFailed
from bakeoff.platforms.programs import CHECK_S, Done, InProcessTime, limited, read_check, read_timing
from bakeoff.schema import Reason, Target

TARGET = Target("t", "none", "t", ("f",), ("tfserving-rest",), "p")
RIGHT = '{"runtime": "r 1", "ok": true, "max_abs_error": 0.25, "message": ""}'
WRONG = '{"runtime": "r 1", "ok": false, "max_abs_error": null, "message": "an op is missing"}'


def done(said: str, status: int = 0, error: str = "") -> Done:
    return Done([], status, said, error)


def test_a_time_is_the_last_line_that_was_said() -> None:
    said = 'INFO: something\n{"runtime": "r 1", "p50_ms": 0.25, "predictions": 40}\n'
    assert read_timing(TARGET, "f", done(said)) == InProcessTime(0.25, 40)


@pytest.mark.parametrize("said", ["", "no JSON", "{}"])
def test_a_program_that_says_no_time_has_failed(said: str) -> None:
    with pytest.raises(TargetFailed) as failure:
        read_timing(TARGET, "f", done(said, 1, "it broke\n"))
    assert failure.value.reason == Reason("timing_failed", {"target": "t", "format": "f", "text": "it broke"})


def test_a_check_says_how_far_off_it_is_and_leaves_its_answers(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs.npz"
    np.savez(outputs, y=np.ones(2, np.float32))
    check = read_check(TARGET, "f", done(f"INFO\n{RIGHT}\n"), outputs)
    assert (check.ok, check.max_abs_error, check.message, list(check.outputs)) == (True, 0.25, None, ["y"])


def test_what_a_runtime_refuses_has_its_words_and_no_answers(tmp_path: Path) -> None:
    check = read_check(TARGET, "f", done(WRONG, 65), tmp_path / "outputs.npz")
    assert (check.ok, check.message, check.outputs) == (False, "an op is missing", {})


@pytest.mark.parametrize(
    ("program", "text"), [(done("", 1, "it broke"), "it broke"), (done(RIGHT), "it wrote no answers")]
)
def test_a_check_that_tells_nothing_has_failed(program: Done, text: str, tmp_path: Path) -> None:
    with pytest.raises(TargetFailed) as failure:
        read_check(TARGET, "f", program, tmp_path / "outputs.npz")
    assert failure.value.reason == Reason("check_failed", {"target": "t", "format": "f", "text": text})


def test_one_that_takes_too_long_is_told_with_its_limit() -> None:
    with pytest.raises(TargetFailed) as failure, limited("check_slow", TARGET, "f"):
        raise subprocess.TimeoutExpired([], CHECK_S)
    assert failure.value.reason == Reason("check_slow", {"target": "t", "format": "f", "seconds": CHECK_S})
