"""results.csv holds the summary's figures unrounded, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from example_report import example_report
from recorded_runs import recorded_run

from bakeoff.analysis.compare import compare_endpoints
from bakeoff.analysis.summary import summarize_rounds
from bakeoff.report.csv import columns, neutral, render_csv
from bakeoff.schema import Report


def rows(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render_csv(report))))


def test_there_is_a_row_for_each_endpoint_and_workload_with_the_summarys_figures() -> None:
    report = recorded_run({"base": 1.0, "a": 2.0})
    summary = tuple(summarize_rounds(report.measurements))
    comparisons = tuple(compare_endpoints(report.measurements, "base"))
    found = rows(replace(report, summary=summary, comparisons=comparisons))
    assert [here(row) for row in found] == sorted((s.endpoint, s.workload) for s in summary)
    for row, s in ((row, s) for row in found for s in summary if (s.endpoint, s.workload) == here(row)):
        assert float(row["p50_ms"]) == s.latency_ms.p50 and float(row["throughput_rps"]) == s.throughput_rps
        assert (float(row["p50_low_ms"]), float(row["p50_high_ms"])) == (s.low, s.high)
        assert row["p99_ms"] == "" and (row["trials"], row["valid_trials"]) == ("7", "7")
    ratio = {(c.workload, c.metric): c for c in comparisons if c.a == "a"}
    for row in (row for row in found if row["endpoint"] == "a"):
        for metric in ("p50", "throughput"):
            c = ratio[row["workload"], metric]
            assert row["reference"] == "base" and float(row[f"{metric}_ratio"]) == c.ratio
            assert row[f"{metric}_ratio_verdict"] == (c.verdict or "")


def here(row: dict[str, str]) -> tuple[str, str]:
    return row["endpoint"], row["workload"]


def test_an_endpoint_without_a_valid_trial_has_a_row_without_figures() -> None:
    report = example_report()
    row, names = next(row for row in rows(report) if row["workload"] == "c8"), columns(report)
    assert (row["trials"], row["valid_trials"], row["requests"]) == ("1", "0", "0")
    assert {row[name] for name in names[names.index("throughput_rps") :]} == {""}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(start: str) -> None:
    name = f'{start}cmd|" /c calc"!A1,\nb'
    report = example_report(name=name)
    trials = tuple(replace(m, endpoint=name, target=name, workload=name) for m in report.measurements)
    text = render_csv(replace(report, measurements=trials))
    for row in list(csv.reader(io.StringIO(text, newline=""))):
        assert len(row) == len(columns(report))
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert f"'{start}cmd" in text


def test_numbers_keep_their_digits() -> None:
    assert (neutral(0.1 + 0.2), neutral(7), neutral(None)) == ("0.30000000000000004", "7", "")
