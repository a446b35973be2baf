"""What a run is judged by: which metric at which workload, and in words."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.analysis.compare import ALPHA, MARGIN, ROUNDS_FOR_VERDICT, is_judged
from bakeoff.analysis.summary import median
from bakeoff.report.words import callers_words, listed, load_words
from bakeoff.schema import Measurement, Report
from bakeoff.schema.metrics import Metric, judged_usually, shown_in


def median_figure(metric: Metric, trials: Sequence[Measurement]) -> float | None:
    """Return the median of a metric over trials; None without trials, or where one lacks it: it may be infinite."""
    found = [figure for m in trials if (figure := metric.of(m)) is not None]
    return median(found) if found and len(found) == len(trials) else None


def judged_metrics(report: Report) -> list[Metric]:
    """Return the metrics that a run is judged by; the usual ones where it doesn't say."""
    named = [
        *(w.get("judged_by") for w in report.configured("workloads") if isinstance(w, dict)),
        *(m.judged_by for m in report.measurements),
    ]
    return [row for row in shown_in("ratios") if row.name in named] or judged_usually()


def where_judged(metric: Metric, trials: Sequence[Measurement]) -> str:
    """Return in words under which loads trials are judged by a metric; without such trials, where they usually are."""
    loads = list(dict.fromkeys(load_words(m) for m in trials if is_judged(m, metric.name)))
    if loads:
        return listed(loads, len(loads))
    return "no load" if metric.judged_at is None else callers_words(metric.judged_at)


def family_words(report: Report) -> str:
    """Return in words which ratios get verdicts."""
    found = judged_metrics(report)
    return listed([f"{row.name} at {where_judged(row, report.measurements)}" for row in found], len(found))


def verdict_words(family: str) -> str:
    """Return what a verdict means, for a family of ratios in words."""
    return (
        f"A verdict is given for one family of ratios: {family}, floors apart. Its "
        "intervals are wider than 95%, so that the chance of any wrong faster or slower among all of them is at most "
        f"{ALPHA:.0%}: faster or slower where the interval excludes 1, same where it lies within {1 / MARGIN:.3f} to "
        f"{MARGIN}, else inconclusive. It takes {ROUNDS_FOR_VERDICT} rounds; three, as --quick makes, give none."
    )
