"""What the long runs of benchmarks/long say of records made by hand."""

from __future__ import annotations

import faults
import overload
import pytest
import soak
from stretches import count_failed, count_statuses, p99_by_thirds, share_of, slope_per_minute, thirds


def stretch(**figures: object) -> dict:
    """Return a stretch in which all was well, but for these figures."""
    good = {
        "offered_rps": 70.0,
        "answered_rps": 70.0,
        "within_slo_rps": 70.0,
        "held_back": 0,
        "statuses": {"ok": 700},
        "p50_ms": 1.0,
        "p99_ms": 2.0,
        "max_ms": 3.0,
        "latency_p99_ms": 2.5,
        "resident_mb": 80.0,
        "minute": 0.2,
    }
    return good | figures


def growing(mb_a_minute: float, minutes: int = 10, leap_mb: float = 0.0) -> list[dict]:
    """Return a stretch each half minute, of a server that also grows by `leap_mb` in its first three minutes."""
    times = [number / 2 for number in range(1, 2 * minutes + 1)]
    return [stretch(minute=at, resident_mb=80 + mb_a_minute * at + leap_mb * min(at / 3, 1)) for at in times]


def soaked(stretches: list[dict], target: str = "lean-tflite") -> dict:
    return {"target": target, "protocol": "grpc", "peak_rps": 100.0, "idle_mb": 70.0, "stretches": stretches}


def overloaded(stretches: list[dict], target: str = "lean-tflite", factor: float = 2.0, afterwards: str = "ok") -> dict:
    return {
        "target": target,
        "protocol": "grpc",
        "peak_rps": 100.0,
        "before_mb": 80.0,
        "loads": [{"factor": factor, "stretches": stretches}],
        "afterwards": stretch(statuses={afterwards: 100}),
    }


def missed(goals: list[dict]) -> list[str]:
    return [goal["goal"] for goal in goals if not goal["met"]]


def test_the_slope_is_that_of_the_line_through_what_comes_after_the_first_minutes() -> None:
    assert slope_per_minute(growing(0.5, leap_mb=50), 3) == pytest.approx(0.5)
    assert slope_per_minute(growing(0.0, leap_mb=50), 3) == pytest.approx(0.0)
    zigzag = [stretch(minute=at, resident_mb=80 + at % 2) for at in (4, 5, 6, 7, 8)]
    assert slope_per_minute(zigzag, 3) == pytest.approx(0.0)


def test_two_stretches_after_the_first_minutes_make_no_slope() -> None:
    assert slope_per_minute(growing(9.0, minutes=4), 3) is None


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, [1, 1, 1]), (2, [1, 1, 1]), (3, [1, 1, 1]), (5, [1, 3, 1]), (9, [3, 3, 3])]
)
def test_the_first_and_the_last_third_are_of_one_size(count: int, sizes: list[int]) -> None:
    assert [len(part) for part in thirds([1.0] * count)] == sizes


def test_a_third_s_p99_is_the_median_of_its_stretches_and_none_where_nothing_was_answered() -> None:
    times = [1.0, 9.0, 2.0, 4.0, 4.0, 4.0, None, None, None]
    assert p99_by_thirds([stretch(p99_ms=each) for each in times], "p99_ms") == [2.0, 4.0, None]


def test_a_share_is_the_median_stretch_s() -> None:
    assert share_of(100.0, [stretch(answered_rps=each) for each in (10.0, 80.0, 90.0)], "answered_rps") == 0.8


def test_what_is_allowed_has_not_failed() -> None:
    found = [stretch(statuses={"ok": 5, "grpc_8": 3}), stretch(statuses={"grpc_8": 1, "reset": 2})]
    assert count_statuses(found) == {"ok": 5, "grpc_8": 4, "reset": 2}
    assert count_failed(found) == 6
    assert count_failed(found, ("grpc_8",)) == 2


def test_a_soak_without_failures_and_growth_meets_its_goals_and_has_its_row() -> None:
    record = soaked(growing(0.5))
    assert len(soak.judge(record)) == 2 and not missed(soak.judge(record))
    row = soak.row_of(record)
    assert row == "| lean-tflite, grpc | 100 | 14,000 | 0 | 0 | 2.50, 2.50, 2.50 | 70.0, 80.2, 85.0 | +0.50 |\n"


def test_a_soak_with_one_failure_or_growth_misses_a_goal() -> None:
    assert missed(soak.judge(soaked([*growing(0.0), stretch(statuses={"ok": 699, "reset": 1})]))) == [
        "lean-tflite, grpc: requests that failed"
    ]
    assert missed(soak.judge(soaked(growing(1.1)))) == [
        "lean-tflite, grpc: memory's growth after 3 minutes, MB a minute"
    ]


def test_a_soak_judges_no_other_server_s_memory_and_none_of_a_short_one() -> None:
    assert len(soak.judge(soaked(growing(5.0), "torchserve"))) == 1
    assert len(soak.judge(soaked(growing(5.0, minutes=3)))) == 1


def test_an_overload_that_is_refused_meets_the_goals() -> None:
    found = stretch(within_slo_rps=85.0, answered_rps=95.0, statuses={"ok": 900, "grpc_8": 1100})
    record = overloaded([found])
    assert len(overload.judge(record)) == 5 and not missed(overload.judge(record))
    assert " | 2 | 0.70 | 0.95 | 0.85 | 2, 2 | grpc_8 1,100, ok 900 | 80.0, 80.0 | 0 |" in overload.rows_of(record)


@pytest.mark.parametrize(
    ("figures", "goal"),
    [
        ({"answered_rps": 70.0}, "answered / capacity"),
        ({"within_slo_rps": 70.0}, "within the objective / capacity"),
        ({"statuses": {"ok": 9, "timeout": 1}}, "neither answered nor refused"),
        ({"max_ms": 1001.0}, "slowest answer, ms"),
    ],
)
def test_an_overload_that_goes_wrong_misses_the_goal(figures: dict, goal: str) -> None:
    found = stretch(**{"answered_rps": 95.0, "within_slo_rps": 90.0, **figures})
    assert missed(overload.judge(overloaded([found]))) == [f"lean-tflite, grpc, 2 times: {goal}"]


def test_a_server_that_fails_afterwards_misses_a_goal() -> None:
    record = overloaded([stretch(answered_rps=95.0, within_slo_rps=90.0)], afterwards="refused")
    assert missed(overload.judge(record)) == ["lean-tflite, grpc, afterwards: requests that failed"]


def test_how_much_is_answered_is_judged_at_twice_the_capacity_alone_and_of_our_bounded_servers() -> None:
    nothing = stretch(within_slo_rps=0.0, p99_ms=None, max_ms=None, statuses={"grpc_8": 9})
    assert not missed(overload.judge(overloaded([nothing], factor=10.0)))
    assert overload.judge(overloaded([nothing], target="flask-torch")) == []
    assert "| -, - |" in overload.rows_of(overloaded([nothing], target="flask-torch"))


def test_several_stretches_show_growth() -> None:
    fine = {"answered_rps": 95.0, "within_slo_rps": 90.0}
    steady = [stretch(**fine) for _ in range(9)]
    assert len(overload.judge(overloaded(steady))) == 7 and not missed(overload.judge(overloaded(steady)))
    slower = [stretch(**fine, p99_ms=each) for each in (10, 10, 10, 12, 12, 12, 16, 16, 16)]
    assert missed(overload.judge(overloaded(slower))) == [
        "lean-tflite, grpc, 2 times: p99 of the last third / of the first"
    ]
    bigger = [stretch(**fine, resident_mb=80.0 + number) for number in range(10)]
    assert missed(overload.judge(overloaded(bigger))) == [
        "lean-tflite, grpc, 2 times: memory's growth once settled, MB"
    ]


def test_each_way_in_which_a_run_ends_badly_is_counted() -> None:
    good = {"as_it_should": True, "traceback": False, "readable": True, "left": []}
    assert not missed(faults.judge([good, good]))
    bad = {"as_it_should": False, "traceback": True, "readable": False, "left": ["a process"]}
    assert [goal["value"] for goal in faults.judge([good, bad, bad])] == [2, 2, 2, 2]
