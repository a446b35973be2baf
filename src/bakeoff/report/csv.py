"""results.csv: a row for each endpoint and workload, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from bakeoff.schema import Comparison, Latency, Measurement, Report, Summary

LATENCIES = ("mean", "p50", "p90", "p95", "p99", "p999", "max")
RATIOS = ("p50", "throughput")
COLUMNS = (
    *("model", "endpoint", "target", "format", "protocol", "workload", "arrival", "concurrency", "rate_rps"),
    *("batch_size", "trials", "valid_trials", "requests", "errors", "throughput_rps"),
    *(f"{name}_ms" for name in LATENCIES),
    *("p50_low_ms", "p50_high_ms", "reference"),
    *(f"{metric}_ratio{part}" for metric in RATIOS for part in ("", "_low", "_high", "_verdict")),
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

Cell = str | float | None


def render_csv(report: Report) -> str:
    """Return the summary as CSV: UTF-8, comma, a header line; an empty cell is what isn't known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    groups: dict[tuple[str, str, str], list[Measurement]] = {}
    for m in report.measurements:
        groups.setdefault((m.model, m.endpoint, m.workload), []).append(m)
    summaries = {(s.model, s.endpoint, s.workload): s for s in report.summary}
    ratios = {(c.model, c.a, c.workload, c.metric): c for c in report.comparisons}
    for place, trials in sorted(groups.items()):
        compared = [ratios.get((*place, metric)) for metric in RATIOS]
        row = [*_trial_cells(trials), *_summary_cells(summaries.get(place)), *_ratio_cells(compared)]
        writer.writerow([neutral(cell) for cell in row])
    return text.getvalue()


def neutral(cell: Cell) -> str:
    """Return a cell's text; one that a spreadsheet would take for a formula begins with an apostrophe."""
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
    return "" if cell is None else repr(cell)


def _trial_cells(trials: Sequence[Measurement]) -> Iterator[Cell]:
    m = trials[0]
    yield from (m.model, m.endpoint, m.target, m.format, m.protocol, m.workload, m.arrival, m.concurrency, m.rate_rps)
    valid = [each for each in trials if each.verdict == "valid"]
    yield from (m.batch_size, len(trials), len(valid))
    yield from (sum(each.request_count for each in valid), sum(each.error_count for each in valid))


def _summary_cells(summary: Summary | None) -> list[Cell]:
    """Return the figures, all empty where no trial is valid."""
    latency = summary.latency_ms if summary else Latency(*[None] * len(LATENCIES))
    cells = [getattr(latency, name) for name in LATENCIES]
    if summary is None:
        return [None, *cells, None, None]
    return [summary.throughput_rps, *cells, summary.low, summary.high]


def _ratio_cells(compared: Sequence[Comparison | None]) -> Iterator[Cell]:
    yield next((c.b for c in compared if c), None)
    for c in compared:
        yield from (c.ratio, c.low, c.high, c.verdict) if c else (None,) * 4
