"""Which of a search's trials can decide on an objective."""

from __future__ import annotations

import pytest
from simulated import measurement

from bakeoff.experiment.probe import tells_of
from bakeoff.schema import Latency, Measurement, Reason

LATE = Reason("late", {"ms": 4.0, "limit_ms": 1.0})
HELD_BACK = Reason("held_back", {"count": 7})


def invalid(*reasons: Reason, lag_p99: float | None = 4.0, held_back: int = 0) -> Measurement:
    lag = Latency(1.0, 1.0, 2.0, 3.0, lag_p99, None, 9.0)
    return measurement("a", "p", 0, verdict="invalid", reasons=reasons, lag_ms=lag, held_back=held_back)


def test_a_valid_trial_tells() -> None:
    assert tells_of(1.0, measurement("a", "p", 0))


def test_lag_counts_where_it_is_small_beside_the_objective() -> None:
    assert tells_of(40.0, invalid(LATE))
    assert not tells_of(39.9, invalid(LATE))
    assert tells_of(90.0, invalid(LATE, lag_p99=None)), "of few requests the largest lag counts"
    assert not tells_of(89.0, invalid(LATE, lag_p99=None))


def test_a_slow_server_is_what_is_to_be_found_out() -> None:
    assert tells_of(1.0, invalid(HELD_BACK, LATE, held_back=7))


@pytest.mark.parametrize("code", ["load_busy", "wrong_answers", "load_worker_ended", "steal", "text"])
def test_nothing_else_that_is_wrong_is_passed_over(code: str) -> None:
    assert not tells_of(1000.0, invalid(HELD_BACK, Reason(code)))
