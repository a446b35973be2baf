"""Ratios with their intervals and verdicts as tables."""

from __future__ import annotations

from collections.abc import Iterable

from bakeoff.report.cells import MISSING, Table, interval, number
from bakeoff.report.judged import family_words, verdict_words
from bakeoff.schema import Comparison, Report
from bakeoff.schema.metrics import shown_in

ORDER = ("slower", "faster", "inconclusive", "same", "")


def references(report: Report) -> str:
    """Return what a run's ratios are to."""
    return ", ".join(dict.fromkeys(c.b for c in report.comparisons))


def comparison_table(report: Report) -> Table:
    """Return every endpoint's ratios to the reference: those with a verdict first, then those with none."""
    says = (
        f"Each endpoint's figure over that of {references(report)}, taken round by round, with its 95% interval (of "
        "two rounds only their range): a p50 of 1.2 "
        f"is 20% slower, a throughput of 1.2 is 20% more. {verdict_words(family_words(report))}"
    )
    return ratio_table(f"Compared with {references(report)}", says, report.comparisons)


def ratio_table(title: str, says: str, comparisons: Iterable[Comparison]) -> Table:
    """Return ratios as a row for each model, endpoint and workload, of which at most one metric has a verdict."""
    metrics = [row.name for row in shown_in("ratios")]
    groups: dict[tuple[str, str, str], dict[str, Comparison]] = {}
    for c in comparisons:
        groups.setdefault((c.model, c.a, c.workload), {})[c.metric] = c
    rows = []
    for place, found in groups.items():
        verdict = next((c.verdict for c in found.values() if c.verdict), "")
        ratios = {metric: " ".join([number(c.ratio), *interval(c)]) for metric, c in found.items()}
        rows.append((*place, verdict, *(ratios.get(metric, MISSING) for metric in metrics)))
    rows.sort(key=lambda row: ORDER.index(row[3]))
    columns = ("model", "endpoint", "workload", "verdict", *metrics)
    return Table(title, says, columns, tuple(rows), frozenset(metrics))
