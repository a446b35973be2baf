"""The work that is timed: where it runs, and what it leaves when it is interrupted."""

from __future__ import annotations

import os

import pytest

from bakeoff.measure import pulse


def test_work_runs_on_its_cpus_and_the_process_gets_its_own_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = os.sched_getaffinity(0), set[int]()
    monkeypatch.setattr(pulse, "_work", lambda iterations: seen.update(os.sched_getaffinity(0)))
    times = pulse.take_pulse({min(before)}, 0.01, lambda: None)
    assert times and all(time > 0 for time in times)
    assert seen == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_an_interruption_gives_the_cpus_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(iterations: int) -> None:
        raise KeyboardInterrupt

    before = os.sched_getaffinity(0)
    monkeypatch.setattr(pulse, "_work", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pulse.take_pulse({min(before)}, 1.0, lambda: None)
    assert os.sched_getaffinity(0) == before


def test_every_slice_is_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr(pulse, "_calibrate", lambda: 77)
    monkeypatch.setattr(pulse, "_work", given.append)
    count = len(pulse.take_pulse(os.sched_getaffinity(0), 0.01, lambda: None))
    assert given == [77] * count
