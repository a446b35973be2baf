"""The short answer: which endpoint was quickest, and which did most."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bakeoff.report.cells import MISSING, Table, interval, number
from bakeoff.report.tables import workload_names
from bakeoff.types import FLOORS, Report, Summary


def best_table(report: Report) -> Table:
    """Return, for each model and workload, the lowest median p50 and p99 and the most throughput; floors are out."""
    floors = {m.endpoint for m in report.measurements if m.target in FLOORS}
    rows = []
    for model in report.models:
        for workload in workload_names(report):
            mine = [s for s in report.summary if (s.model, s.workload) == (model.name, workload)]
            found = [s for s in mine if s.endpoint not in floors]
            if found:
                rows.append((model.name, workload, *_best_cells(found)))
    columns = ("model", "workload", "lowest p50", "lowest p99", "most throughput")
    says = (
        "Medians over the valid trials, the p50 with its 95% interval over the rounds. The best of several is not "
        "thereby better than the next: the ratios with their verdicts say what can be told apart."
    )
    return Table("In short", says, columns, tuple(rows), frozenset())


def _best_cells(found: Sequence[Summary]) -> list[str]:
    quick = _least(found, lambda s: s.latency_ms.p50)
    tail = _least(found, lambda s: s.latency_ms.p99)
    most = max(found, key=lambda s: s.throughput_rps)
    p50 = [number(quick.latency_ms.p50), "ms", *interval(quick.low, quick.high)] if quick else []
    return [
        f"{quick.endpoint}: {' '.join(p50)}" if quick else MISSING,
        f"{tail.endpoint}: {number(tail.latency_ms.p99)} ms" if tail else MISSING,
        f"{most.endpoint}: {number(most.throughput_rps)} a second",
    ]


def _least(found: Sequence[Summary], figure: Callable[[Summary], float | None]) -> Summary | None:
    """Return the one with the least figure of those that have it."""
    return min((s for s in found if figure(s) is not None), key=lambda s: figure(s) or 0.0, default=None)
