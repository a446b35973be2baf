"""Ratios with their intervals and verdicts as tables."""

from __future__ import annotations

from collections.abc import Iterable

from bakeoff.analysis.compare import ALPHA, MARGIN, METRICS, ROUNDS_FOR_VERDICT
from bakeoff.report.cells import MISSING, Table, interval, number
from bakeoff.schema import Comparison, Report

ORDER = ("slower", "faster", "inconclusive", "same", "")
VERDICTS = (
    "A verdict is given for one family of ratios: p50 at one caller and throughput at eight, floors apart. Its "
    "intervals are wider than 95%, so that the chance of any wrong faster or slower among all of them is at most "
    f"{ALPHA:.0%}: faster or slower where the interval excludes 1, same where it lies within {1 / MARGIN:.3f} to "
    f"{MARGIN}, else inconclusive. It takes {ROUNDS_FOR_VERDICT} rounds; three, as --quick makes, give none."
)
"""What a verdict means."""


def comparison_table(report: Report) -> Table:
    """Return every endpoint's ratios to the reference: those with a verdict first, then those with none."""
    references = ", ".join(dict.fromkeys(c.b for c in report.comparisons))
    says = (
        f"Each endpoint's figure over that of {references}, taken round by round, with its 95% interval (of two rounds "
        "only their range): a p50 of 1.2 "
        f"is 20% slower, a throughput of 1.2 is 20% more. {VERDICTS}"
    )
    return ratio_table(f"Compared with {references}", says, report.comparisons)


def ratio_table(title: str, says: str, comparisons: Iterable[Comparison]) -> Table:
    """Return ratios as a row for each model, endpoint and workload, of which at most one metric has a verdict."""
    groups: dict[tuple[str, str, str], dict[str, Comparison]] = {}
    for c in comparisons:
        groups.setdefault((c.model, c.a, c.workload), {})[c.metric] = c
    rows = []
    for place, found in groups.items():
        verdict = next((c.verdict for c in found.values() if c.verdict), "")
        rows.append((*place, verdict, *(ratio_cell(found.get(metric)) for metric in METRICS)))
    rows.sort(key=lambda row: ORDER.index(row[3]))
    columns = ("model", "endpoint", "workload", "verdict", *METRICS)
    return Table(title, says, columns, tuple(rows), frozenset(METRICS))


def ratio_cell(comparison: Comparison | None) -> str:
    """Return a ratio with its interval, or a dash."""
    if comparison is None:
        return MISSING
    return " ".join([number(comparison.ratio), *interval(comparison)])
