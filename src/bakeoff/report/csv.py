"""results.csv: a row for each endpoint and workload, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from bakeoff.analysis.completeness import by_place
from bakeoff.report.judged import judged_metrics, median_figure
from bakeoff.schema import Measurement, Report, Summary
from bakeoff.schema.metrics import Metric, judged_usually, shown_in, written

PLACE = ("model", "endpoint", "target", "format", "protocol", "workload", "arrival", "concurrency", "rate_rps")
COUNTS = ("batch_size", "trials", "valid_trials", "requests", "errors")
RATIO_PARTS = ("", "_low", "_high", "_verdict")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

Cell = str | float | None


def figure_metrics() -> list[Metric]:
    """Return the metrics that have a column, rates before times."""
    return sorted(written(), key=lambda row: row.unit == "ms")


def ratio_metrics(report: Report) -> list[Metric]:
    """Return the metrics whose ratios have columns: those that the run is judged by, and the usual ones."""
    judged = [*judged_metrics(report), *judged_usually()]
    return [row for row in shown_in("ratios") if row in judged]


def columns(report: Report) -> list[str]:
    """Return the header."""
    figures = [row.column for row in figure_metrics()]
    ratios = [f"{row.name}_ratio{part}" for row in ratio_metrics(report) for part in RATIO_PARTS]
    return [*PLACE, *COUNTS, *figures, "p50_low_ms", "p50_high_ms", "reference", *ratios]


def render_csv(report: Report) -> str:
    """Return the summary as CSV: UTF-8, comma, a header line; an empty cell is what isn't known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns(report))
    summaries = {(s.model, s.endpoint, s.workload): s for s in report.summary}
    ratios = {(c.model, c.a, c.workload, c.metric): c for c in report.comparisons}
    judged = ratio_metrics(report)
    for place, trials in sorted(by_place(report.measurements).items()):
        compared = [ratios.get((*place, row.name)) for row in judged]
        reference = next((c.b for c in compared if c), None)
        found = [x for c in compared for x in ((c.ratio, c.low, c.high, c.verdict) if c else (None,) * 4)]
        cells = [*_trial_cells(trials), *_figure_cells(trials, summaries.get(place)), reference, *found]
        writer.writerow([neutral(cell) for cell in cells])
    return text.getvalue()


def neutral(cell: Cell) -> str:
    """Return a cell's text; one that a spreadsheet would take for a formula begins with an apostrophe."""
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
    return "" if cell is None else repr(cell)


def _trial_cells(trials: Sequence[Measurement]) -> Iterator[Cell]:
    m = trials[0]
    yield from (getattr(m, name) for name in PLACE)
    valid = [each for each in trials if each.verdict == "valid"]
    yield from (m.batch_size, len(trials), len(valid))
    yield from (sum(each.request_count for each in valid), sum(each.error_count for each in valid))


def _figure_cells(trials: Sequence[Measurement], summary: Summary | None) -> Iterator[Cell]:
    """Yield the medians and the p50's interval, all empty where no trial is valid."""
    valid = [m for m in trials if m.verdict == "valid"]
    yield from (median_figure(row, valid) for row in figure_metrics())
    yield from (summary.low, summary.high) if summary else (None, None)
