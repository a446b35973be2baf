"""Steal and throttling, from hand-made counters."""

from __future__ import annotations

import os

import pytest

from bakeoff.measure.disturbance import (
    Counters,
    count_busy,
    count_periods,
    count_ticks,
    judge_disturbance,
    read_counters,
    summarize_disturbance,
)
from bakeoff.schema import Disturbance, Reason

STAT = """cpu  400 0 80 800 8 0 0 12 0 0
cpu0 100 0 20 200 2 0 1 3 50 0
cpu1 300 0 60 600 6 0 0 9 0 0
intr 5
"""
PERIODS = "nr_periods 9\nnr_throttled 5\n"


def test_ticks_are_of_the_cpus_in_use_and_count_a_guest_once() -> None:
    assert count_ticks(STAT, [0]) == (3, 326)
    assert count_ticks(STAT, [0, 1]) == (12, 326 + 975)
    assert count_ticks(STAT, [7]) is None
    assert count_ticks("", [0]) is None


def test_busy_is_what_this_machine_ran_itself() -> None:
    assert count_busy(STAT, [0]) == 100 + 20 + 1
    assert count_busy("", [0]) is None


@pytest.mark.parametrize(
    ("groups", "folder"), [("0::/a", "/a"), ("2:memory:/b\n1:cpu,cpuacct:/a", "/cpu,cpuacct/a"), ("", "")]
)
def test_counters_are_those_of_our_own_group_in_both_kinds_of_cgroup(groups: str, folder: str) -> None:
    files = {"/proc/stat": STAT, "/proc/self/cgroup": groups, f"/sys/fs/cgroup{folder}/cpu.stat": PERIODS}
    assert read_counters([0], lambda path: files.get(path, "")) == Counters((3, 326), (5, 9))


def test_periods_of_both_kinds_of_cgroup() -> None:
    assert count_periods("usage_usec 5\nnr_periods 200\nnr_throttled 3\nthrottled_usec 7\n") == (3, 200)
    assert count_periods("nr_periods 0\nnr_throttled 0\nthrottled_time 0\n") == (0, 0)
    assert count_periods("usage_usec 5\n") is None


def test_only_what_happened_meanwhile_counts() -> None:
    found = summarize_disturbance(Counters((10, 1000), (5, 50)), Counters((14, 1100), (6, 150)))
    assert found == Disturbance(steal_percent=4.0, throttled_percent=1.0)
    assert summarize_disturbance(Counters((1, 9), (0, 0)), Counters((1, 9), (0, 0))) == Disturbance(0.0, 0.0)
    assert summarize_disturbance(Counters(None, (0, 0)), Counters((1, 9), (0, 0))).steal_percent is None


@pytest.mark.parametrize(
    ("steal", "throttled", "reasons"),
    [
        (3.0, 1.0, []),
        (3.1, None, [Reason("steal", {"percent": 3.1, "limit_percent": 3.0})]),
        (None, 1.1, [Reason("throttled", {"percent": 1.1, "limit_percent": 1.0})]),
        (None, None, []),
    ],
)
def test_the_limits(steal: float | None, throttled: float | None, reasons: list[Reason]) -> None:
    assert judge_disturbance(Disturbance(steal, throttled)) == reasons


def test_both_can_be_over_their_limits() -> None:
    assert [reason.code for reason in judge_disturbance(Disturbance(9.0, 9.0))] == ["steal", "throttled"]


def test_this_machine_can_be_read() -> None:
    counters = read_counters(os.sched_getaffinity(0))
    assert counters.ticks is not None and counters.ticks[1] > 0
