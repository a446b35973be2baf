"""The report says what was measured, what was not and why, and never runs what it quotes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from example_report import example_report
from recorded_runs import recorded_run

from bakeoff.analysis.compare import compare_endpoints
from bakeoff.analysis.summary import summarize_rounds
from bakeoff.measure.samples import table_of, write_samples
from bakeoff.report import write_report
from bakeoff.report.markdown import render_markdown
from bakeoff.report.ratios import comparison_table
from bakeoff.report.tables import result_table
from bakeoff.schema import Report, Sample
from bakeoff.schema.samples import Window

HOSTILE = "<script>alert(1)</script>|x"


class Tags(HTMLParser):
    """Collects the tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def written(folder: Path, **texts: str) -> tuple[str, str]:
    write_report(folder, example_report(**texts))
    return tuple((folder / name).read_text(encoding="utf-8") for name in ("report.html", "report.md"))  # type: ignore[return-value]


def test_both_forms_say_the_same_figures(tmp_path: Path) -> None:
    for page in written(tmp_path):
        for figure in ("0.4", "1,234", "64,720", "56,612", "0.9900", "1.2e-01", "77"):
            assert figure in page
        for words in ("tfserving", "unavailable", "the command x is not on PATH", "install it"):
            assert words in page
        assert "FULLY_CONNECTED version 12" in page and "no rule for aten.mine" in page
        assert "no request succeeded" in page


def test_a_missing_percentile_is_not_a_zero(tmp_path: Path) -> None:
    _, markdown = written(tmp_path)
    row = next(line for line in markdown.splitlines() if line.startswith("| lean-tflite-grpc"))
    assert row.split(" | ")[2:6] == ["0.4", "0.6", "–", "1,234"]


def test_an_endpoint_without_a_valid_trial_shows_no_figures(tmp_path: Path) -> None:
    _, markdown = written(tmp_path)
    row = next(line for line in markdown.splitlines() if line.startswith("| lean-tflite-grpc"))
    assert row.split(" | ")[6:9] == ["–", "–", "–"]
    assert "1 of 2" in row


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    html, markdown = written(tmp_path, name=HOSTILE, reason=HOSTILE)
    scripts = [attributes.get("type") for tag, attributes in Tags(html).found if tag == "script"]
    assert scripts.count(None) == 2  # Vega and the page's own; all others are data
    assert set(scripts) <= {None, "application/json"}
    assert "<script>alert" not in html and "</script>|x" not in html
    assert "<script>" not in markdown
    assert "&lt;/script>\\|x" in markdown


def test_the_page_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    html, _ = written(tmp_path)
    for tag, attributes in Tags(html).found:
        assert tag not in {"link", "img", "iframe", "object", "base", "form"}
        for name in ("src", "href"):
            assert not (attributes.get(name) or "").startswith(("http", "//"))
        if attributes.get("http-equiv") == "Content-Security-Policy":
            assert (attributes["content"] or "").startswith("default-src 'none'; script-src 'sha256-")
    assert "Content-Security-Policy" in html
    assert "url(" not in html.split("</style>")[0]


def test_the_distribution_is_drawn_from_the_samples(tmp_path: Path) -> None:
    rows = [Sample(i, i, i + 1_000_000 + i, "ok", 1, 1, 0, None, 0) for i in range(100)]
    write_samples(tmp_path / "samples" / "t.parquet", table_of(rows, []), Window(0, 100), [])
    html, _ = written(tmp_path)
    assert "latency, ms (log scale)" in html
    drawn = (tmp_path / "charts" / "digits_cnn-latency.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<svg") and "latency, ms" in drawn


def test_sizes_are_data_too(tmp_path: Path) -> None:
    written(tmp_path)
    row, gone = json.loads((tmp_path / "sizes.json").read_text(encoding="utf-8"))["rows"]
    assert (gone["format"], gone["reason"]) == ("savedmodel", "no rule for aten.mine")
    assert (row["format"], row["size_bytes"], row["accuracy"]) == ("tflite-int8", 64_720, 0.99)


def compared(slowdowns: dict[str, float], rounds: int) -> Report:
    report = recorded_run(slowdowns, rounds=rounds)
    return replace(
        report,
        summary=tuple(summarize_rounds(report.measurements)),
        comparisons=tuple(compare_endpoints(report.measurements, "base")),
    )


def test_ratios_with_a_verdict_come_first_and_the_others_have_none() -> None:
    table = comparison_table(compared({"base": 1.0, "a": 2.0, "b": 1.0}, 7))
    assert table.title == "Compared with base"
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [row["endpoint"] for row in rows[:2]] == ["a", "a"] and rows[0]["verdict"] == "slower"
    slow = next(row for row in rows if (row["endpoint"], row["workload"]) == ("a", "c1"))
    ratio, low, _, high = slow["p50"].replace("(", "").replace(")", "").split(" ")
    assert float(low) < 2 < float(high) and float(ratio) == pytest.approx(2, abs=0.1)
    assert slow["p99"] == "–"


def test_three_rounds_give_intervals_no_verdicts_and_the_report_says_so() -> None:
    report = compared({"base": 1.0, "a": 2.0}, 3)
    table = comparison_table(report)
    assert {row[3] for row in table.rows} == {""} and " to " in table.rows[0][4]
    markdown = render_markdown(report)
    assert "It takes 5 rounds; three, as --quick makes, give none." in markdown


def test_a_median_stands_with_its_interval() -> None:
    table = result_table(compared({"base": 1.0, "a": 2.0}, 7), "m")
    assert re.fullmatch(r"1\.\d+ \(\S+ to \S+\)", table.rows[0][2])


def test_one_caller_has_its_single_stream_latency() -> None:
    report = recorded_run({"base": 1.0, "a": 2.0}, rounds=1)
    trials = tuple(replace(m, latency_ms=replace(m.latency_ms, p90=7.0)) for m in report.measurements)
    table = result_table(replace(report, measurements=trials, summary=tuple(summarize_rounds(trials))), "m")
    assert [column for column in table.columns if "p90" in column] == ["c1 p90 ms"]
    assert "SingleStream" in table.says and {len(row) for row in table.rows} == {len(table.columns)}
    assert [row[table.columns.index("c1 p90 ms")] for row in table.rows] == ["7", "7"]


def test_a_run_of_one_round_has_no_table_of_ratios(tmp_path: Path) -> None:
    assert "Compared with" not in written(tmp_path)[1]
