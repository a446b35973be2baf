"""What a run set out to measure and didn't, and what it measured without a trial that counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from bakeoff.schema import NO_FORMAT, Measurement

Place = tuple[str, str, str]
"""Model, endpoint and workload."""


def is_right(measurement: Measurement) -> bool:
    """Tell whether a trial has answers and none that was checked is wrong, whether or not it counts."""
    return measurement.request_count > measurement.error_count and not measurement.wrong_answers


def unmeasured(measurements: Iterable[Measurement]) -> list[Place]:
    """Return what was tried and never gave right answers, or gave wrong ones once."""
    return [
        place
        for place, trials in by_place(measurements).items()
        if any(m.wrong_answers for m in trials) or not any(is_right(m) for m in trials)
    ]


def uncounted(measurements: Sequence[Measurement]) -> list[Place]:
    """Return what was measured with right answers, and of which no trial counts: the machine was too busy.

    A floor is a yardstick, not a contender: where echo outruns the load generator (JSON of 3 MB that it doesn't even
    parse), its trial is invalid and says so, and nothing is missing.
    """
    without = set(unmeasured(measurements))
    return [
        place
        for place, trials in by_place(measurements).items()
        if place not in without and trials[0].format != NO_FORMAT and all(m.verdict == "invalid" for m in trials)
    ]


def by_place(measurements: Iterable[Measurement]) -> dict[Place, list[Measurement]]:
    """Return the trials of each model, endpoint and workload, in their order."""
    groups = defaultdict(list)
    for m in measurements:
        groups[m.model, m.endpoint, m.workload].append(m)
    return groups
