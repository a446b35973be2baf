"""What a run tried to measure and didn't."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bakeoff.types import NO_FORMAT, Measurement


def unmeasured(measurements: Iterable[Measurement]) -> list[str]:
    """Return the endpoints without a valid trial of a workload that they were tried under, a sentence each.

    echo is a yardstick, not a contender: where it outruns the load generator (JSON of 3 MB that it doesn't even parse),
    its trial is invalid and says so, and nothing is missing.
    """
    verdicts = defaultdict(set)
    for m in measurements:
        if m.format != NO_FORMAT or m.request_count <= m.error_count:
            verdicts[m.model, m.endpoint, m.workload].add(m.verdict)
    return [
        f"{model} {endpoint} has no valid trial of {workload}"
        for (model, endpoint, workload), found in verdicts.items()
        if "valid" not in found
    ]
