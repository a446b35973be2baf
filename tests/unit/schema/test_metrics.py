"""A metric is one row: it is compared, judged, shown and written wherever its row says, and nowhere else knows it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from recorded_runs import recorded_run
from simulated import measurement

from bakeoff.report.csv import render_csv
from bakeoff.report.judged import median_figure
from bakeoff.report.tables import result_table
from bakeoff.report.tensorboard import write_tensorboard
from bakeoff.results.recompute import summarize_report
from bakeoff.schema import Report, metrics
from bakeoff.schema.metrics import METRICS, Metric, row_of, usual_judge

ERRORS = Metric(
    *("failures", "%", "more", lambda m: 100.0 * m.error_count / m.request_count, "failed", "failed_percent", "of all"),
    shown=metrics.WIDELY,
)


@pytest.fixture
def with_a_row(monkeypatch: pytest.MonkeyPatch) -> Report:
    """Add a metric, and return a run whose second endpoint fails twice as often and is judged by that at one caller."""
    monkeypatch.setattr(metrics, "METRICS", (*METRICS, ERRORS))
    report = recorded_run({"base": 1.0, "a": 1.0})
    often = {"base": (10, 11, 9, 10, 10, 11, 9), "a": (20, 21, 19, 20, 20, 21, 19)}
    trials = [
        replace(
            m,
            error_count=often[m.endpoint][m.round],
            judged_by="failures" if m.workload == "c1" else "",
        )
        for m in report.measurements
    ]
    return summarize_report(report, trials, "base")


def test_one_row_is_compared_and_judged(with_a_row: Report) -> None:
    judged = {(c.a, c.workload, c.metric): c for c in with_a_row.comparisons if c.verdict}
    assert judged.keys() == {("a", "c1", "failures")}
    found = judged["a", "c1", "failures"]
    assert found.ratio == pytest.approx(2, rel=0.02)
    assert found.verdict == "faster", "the row says that more of it is better"


def test_one_row_is_in_the_table_the_csv_and_tensorboard(with_a_row: Report, tmp_path: Path) -> None:
    table = result_table(with_a_row, "m")
    row = next(dict(zip(table.columns, cells, strict=True)) for cells in table.rows if cells[0] == "a")
    assert row["c1 failed %"] == "20" and row["c8 failed %"] == "20"
    text = list(csv.DictReader(io.StringIO(render_csv(with_a_row))))
    here = next(line for line in text if (line["endpoint"], line["workload"]) == ("a", "c1"))
    assert float(here["failed_percent"]) == 20 and here["failures_ratio_verdict"] == "faster"
    place = write_tensorboard(tmp_path, with_a_row)
    (events,) = (place / "m" / "a").glob("events*")
    assert b"c1/failed %" in events.read_bytes()


def test_names_and_columns_are_unique_and_what_is_judged_is_compared() -> None:
    for names in ([row.name for row in METRICS], [row.column for row in METRICS if row.column]):
        assert len(names) == len(set(names))
    assert all("ratios" in row.shown for row in METRICS if row.judged_at is not None)


def test_a_figure_that_a_trial_lacks_is_not_known() -> None:
    p50 = row_of("p50")
    trials = [measurement("a", "c1", number, p50=figure) for number, figure in enumerate((1.0, 2.0, 4.0))]
    assert median_figure(p50, trials) == 2
    assert median_figure(p50, [*trials, measurement("a", "c1", 3, p50=None)]) is None
    assert median_figure(p50, []) is None


@pytest.mark.parametrize(
    ("arrival", "concurrency", "batch_size", "judge"),
    [
        ("closed", 1, 1, "p50"),
        ("closed", 8, 1, "throughput"),
        ("closed", 2, 1, ""),
        ("closed", 1, 8, ""),
        ("poisson", None, 1, ""),
    ],
)
def test_where_nothing_says_so_one_caller_and_eight_are_judged(
    arrival: str, concurrency: int | None, batch_size: int, judge: str
) -> None:
    trial = measurement("a", "w", 0, arrival=arrival, concurrency=concurrency, batch_size=batch_size)
    assert usual_judge(trial) == judge
