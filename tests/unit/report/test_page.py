"""What the page says: an answer only as sure as the run is, and what is missing by its name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_run import HOSTILE, SIDES, contest, criterion, example_run, write_run_samples

from bakeoff.errors import UsageError
from bakeoff.report import write_report
from bakeoff.report.answer import Claim, claims, headline
from bakeoff.report.charts import charts_of
from bakeoff.report.charts.chart import Chart
from bakeoff.report.charts.latency import curve
from bakeoff.report.charts.svg import plain, render_svg
from bakeoff.report.criteria import Pair, criteria
from bakeoff.report.html import as_data
from bakeoff.report.searches import load_searches
from bakeoff.report.trust import notices, reason_table, repeat_command, trial_table
from bakeoff.report.words import listed, percent, size, times
from bakeoff.results.recompute import summarize_report
from bakeoff.schema import Reason, Report


def answered(report: Report) -> tuple[Claim, str]:
    one = contest(report)
    found = claims(one)
    return found[0], headline(one, found)


def charts_by_id(report: Report, folder: Path = Path("no such folder")) -> dict[str, Chart]:
    return {chart.id: chart for chart in charts_of(folder, contest(report))}


def test_a_difference_that_rounds_confirm_is_a_sure_answer_with_its_interval() -> None:
    claim, said = answered(example_run())
    assert (claim.asked, claim.who, claim.sure) == ("Answers fastest", "lean-tflite over gRPC", "sure")
    assert "faster than torchserve-rest" in claim.says and "ahead of all 4 others" in claim.says
    ratio, low, high = (float(part.strip("x[],")) for part in claim.says.split(" ")[:3])
    assert low < ratio < high and ratio == pytest.approx(5, rel=0.1)
    assert said.startswith("lean-tflite over gRPC answers fastest, p50 0.")
    assert said.endswith("smallest: tflite-int8, 64.7 kB, no accuracy lost (0.9900).")


@pytest.mark.parametrize("rounds", [1, 3])
def test_with_too_few_rounds_nothing_is_called_faster(rounds: int) -> None:
    report = example_run(rounds=rounds)
    claim, said = answered(report)
    assert claim.sure == "open" and claim.asked == "Lowest median latency"
    assert "faster" not in claim.says + said and "no verdict says it is the fastest" in said
    assert claim.why.startswith("One round: no interval" if rounds == 1 else "No verdict: 3 rounds in common")
    assert all(
        row.winner is None
        for row in criteria(Pair(contest(report), SIDES))
        if row.low is not None or row.name == "Latency"
    )
    assert any(n.what == "A first look" for n in notices(report))


def test_the_fastest_that_is_not_told_apart_from_another_is_not_called_so() -> None:
    claim, said = answered(
        example_run(p50s={"torchserve-rest": 2.0, "lean-tflite-rest": 0.5, "lean-tflite-grpc": 0.501})
    )
    assert claim.sure == "open" and "ahead of 1 of 2 others, not told apart from lean-tflite-" in claim.says
    assert "answers fastest" not in said and "ms, not told apart from lean-tflite-" in said


def test_one_that_is_ahead_by_verdict_is_not_called_not_told_apart() -> None:
    # lean-tflite-rest had its slow rounds alone: its median is the worse, though it was ahead when both were measured.
    report = example_run(
        rounds=14, p50s={"torchserve-rest": 9.0, "lean-tflite-rest": 0.4, "lean-tflite-grpc": 0.6}, noise=0.01
    )
    slow = tuple(
        replace(m, latency_ms=replace(m.latency_ms, p50=2.0)) if m.endpoint == "lean-tflite-rest" and m.round > 5 else m
        for m in report.measurements
        if m.endpoint != "lean-tflite-grpc" or m.round <= 5
    )
    claim, said = answered(summarize_report(replace(report, measurements=()), slow, "torchserve-rest"))
    assert claim.who == "lean-tflite over gRPC" and claim.sure == "open"
    assert "ahead of 1 of 2 others, behind lean-tflite-rest in the rounds that both have" in claim.says
    assert "not told apart" not in claim.says + said and "no verdict says it is the fastest" in said


def test_a_second_workload_with_one_caller_is_not_mixed_with_the_first() -> None:
    report = example_run(noise=0)
    other = tuple(
        replace(m, workload="slow", trial_id=f"{m.trial_id}.slow", latency_ms=replace(m.latency_ms, p50=50.0))
        for m in report.measurements
        if m.workload == "c1"
    )
    both = summarize_report(replace(report, measurements=()), [*other, *report.measurements], "torchserve-rest")
    assert contest(both).calm == "c1"
    assert answered(both)[0].figure == answered(report)[0].figure
    found = contest(both).compare("p50", "lean-tflite-grpc", "torchserve-rest")
    assert found is not None and found.ratio == pytest.approx(0.2)


def test_a_run_of_which_nothing_is_known_yet_has_a_page(tmp_path: Path) -> None:
    empty = replace(example_run(), models=(), measurements=(), summary=(), artifacts=(), comparisons=(), targets=())
    write_report(tmp_path, replace(empty, parity=(), machine={}, config={}))
    assert "nothing measured" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_lost_accuracy_is_named() -> None:
    report = example_run()
    small = replace(report.artifacts[-1], accuracy=0.95)
    claim = claims(contest(replace(report, artifacts=(*report.artifacts[:-1], small))))[2]
    assert "accuracy 0.9500, 0.0400 less" in claim.says


def test_trust_names_what_failed_and_why() -> None:
    report = example_run()
    said = {notice.what: notice for notice in notices(report)}
    assert said["digits_cnn: flask-tf-rest failed parity"].kind == "warn"
    assert said["tfserving is unavailable"].says == "not on PATH digits_cnn. Remedy: install it"
    (row,) = [row for row in trial_table(report).rows if "invalid" in row]
    assert row[0] == "drifted" and row[-1] == "its speed had not settled digits_cnn"
    assert reason_table(report).rows == (("its speed had not settled digits_cnn", "1"),)
    assert repeat_command(report) == "git checkout abc123\nscripts/bakeoff run --model digits_cnn"


def test_a_failed_length_is_named() -> None:
    report = example_run()
    wrong = replace(report.parity[-1], length=128)
    said = {notice.what: notice for notice in notices(replace(report, parity=(wrong,)))}
    assert said["digits_cnn: flask-tf-rest failed parity"].says.endswith(" at batch 1, length 128")


def test_callers_that_bring_nobody_anything_are_not_said_to_bring_someone_the_most() -> None:
    report = example_run()
    trials = [replace(m, throughput_rps=500.0 if m.workload == "c1" else 400.0) for m in report.measurements]
    stalled = summarize_report(replace(report, measurements=()), trials, "torchserve-rest")
    said = charts_by_id(stalled)["throughput"].says
    assert "more callers bring no endpoint more throughput" in said and "the most" not in said.partition(". ")[2]


def test_a_run_that_was_cut_off_says_so() -> None:
    assert any(notice.what == "Not finished" for notice in notices(replace(example_run(), finished=())))


def test_an_endpoint_without_a_valid_trial_is_named_before_the_figures() -> None:
    report = example_run()
    place = report.measurements[0].endpoint, report.measurements[0].workload
    none = [
        replace(m, verdict="invalid", reasons=(Reason("late", {"ms": 4.0, "limit_ms": 1.0}),))
        if (m.endpoint, m.workload) == place
        else m
        for m in report.measurements
    ]
    what = "Measured, but nothing counts"
    (said,) = [n for n in notices(replace(report, measurements=tuple(none))) if n.what == what]
    assert said.kind == "warn" and said.says.startswith(f"digits_cnn {place[0]} {place[1]} answered right, but none")
    assert not [n for n in notices(report) if n.what in (what, "Not measured", "Unsteady")]


def test_unsteady_endpoints_are_named_and_count() -> None:
    report = example_run()
    moved = [replace(m, drift_percent=-12.0 if m.endpoint == "lean-tflite-grpc" else 3.0) for m in report.measurements]
    (said,) = [n for n in notices(replace(report, measurements=tuple(moved))) if n.what == "Unsteady"]
    count = sum(m.endpoint == "lean-tflite-grpc" for m in moved)
    assert said.kind == "note" and f"most often of lean-tflite-grpc ({count})." in said.says
    assert said.says.startswith(f"in {count} of ")


def test_a_curve_ends_where_its_requests_end() -> None:
    points = curve([np.sort(np.arange(1.0, 101.0)), np.sort(np.arange(2.0, 102.0))])
    assert 1 < points[-1]["nines"] <= 1.31  # 100 requests bound a p95, not a p99
    middle = min(points, key=lambda p: abs(p["nines"] - 0.3))
    assert middle["p0"] < middle["ms"] < middle["p1"]
    failed = curve([np.array([1.0] * 50 + [np.inf] * 50)])
    assert all(np.isfinite(point["ms"]) for point in failed) and failed[-1]["nines"] == 0.301


def test_an_artifact_that_answers_no_numbers_is_never_the_smallest() -> None:
    report = example_run()
    small = report.artifacts[-1]
    broken = replace(small, parity=tuple(replace(p, max_abs_error=float("nan"), ok=False) for p in small.parity))
    claim = claims(contest(replace(report, artifacts=(*report.artifacts[:-1], broken))))[2]
    assert small.format == "tflite-int8" and claim.who == "tflite-fp32"


def test_the_smallest_of_a_network_with_random_weights_has_no_accuracy_to_speak_of() -> None:
    report = example_run()
    drawn = replace(report.models[0], accuracy=None, untrained=True)
    artifacts = tuple(replace(a, accuracy=None) for a in report.artifacts)
    claim = claims(contest(replace(report, models=(drawn,), artifacts=artifacts)))[2]
    assert "its weights were drawn at random" in claim.says


def test_each_format_has_its_own_servers_memory() -> None:
    report = example_run()
    state = next(s for s in report.targets if s.name == "lean-tflite")
    both = replace(state, ready_seconds={"digits_cnn tflite-fp32": 1.0, "digits_cnn tflite-int8": 2.0})
    trials = [
        replace(m, format="tflite-int8", endpoint="lean-tflite@tflite-int8-grpc", peak_rss_bytes=90_000_000)
        if m.endpoint == "lean-tflite-grpc"
        else replace(m, peak_rss_bytes=70_000_000)
        for m in report.measurements
    ]
    targets = tuple(both if s is state else s for s in report.targets)
    report = summarize_report(replace(report, targets=targets), trials, "torchserve-rest")
    peaks = {row[0]: row[2] for row in charts_by_id(report)["resources"].table.rows}
    assert peaks["lean-tflite (tflite-fp32)"] == "70" and peaks["lean-tflite (tflite-int8)"] == "90"
    assert criterion(report, "Memory").best[1] == "70 MB, lean-tflite"


def test_every_chart_draws_without_a_browser_and_says_something(tmp_path: Path) -> None:
    report = example_run(HOSTILE)
    write_run_samples(tmp_path, report, count=120)
    found = charts_of(tmp_path, contest(report))
    assert [c.id for c in found] == [
        "latency",
        "throughput",
        "protocols",
        "time",
        "sizes",
        "resources",
        "cost",
        "rounds",
    ]
    for chart in found:
        assert chart.table.rows and len(chart.says) > 20
        assert render_svg(chart, report).startswith("<svg")


def test_protocols_that_a_verdict_calls_the_same_are_not_called_undecided() -> None:
    servers = {"torchserve-rest": 2.0, "torchserve-grpc": 2.0, "lean-tflite-rest": 0.6, "lean-tflite-grpc": 0.4}
    said = charts_by_id(example_run(p50s=servers, noise=0.002))["protocols"].says
    assert "the same on torchserve (1" in said and "faster on lean-tflite (1.5" in said and "not decided" not in said


SEARCH: dict[str, Any] = {
    "found": {
        "endpoint": "lean-tflite-grpc",
        "slo_ms": 20.0,
        "rate_rps": None,
        "low": 900.0,
        "high": 1000.0,
        "steps": [],
        "price": 0.36,
    },
    "measurements": [{"model": "digits_cnn", "target": "lean-tflite"}],
}


def test_searches_in_the_runs_folder_become_a_chart(tmp_path: Path) -> None:
    folder = tmp_path / "capacity-tflite"
    folder.mkdir()
    (folder / "capacity.json").write_text(json.dumps(SEARCH), encoding="utf-8")
    chart = charts_by_id(example_run(), tmp_path)["capacity"]
    assert "undecided, its capacity under 20 ms lies over 900 and under 1,000 requests a second" in chart.says
    assert "A million cost 0.111 at 900 req/s" in chart.says  # 0.0001 a second over 900
    assert load_searches(tmp_path, "another model") == []


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (900.0, None, "lies over 900 requests a second."),
        (None, 50.0, "lies under 50 requests a second."),
        (None, None, "is not known."),
    ],
)
def test_a_bracket_with_an_open_end_is_said_as_one(
    tmp_path: Path, low: float | None, high: float | None, said: str
) -> None:
    search = {**SEARCH, "found": {**SEARCH["found"], "low": low, "high": high}}
    (tmp_path / "capacity.json").write_text(json.dumps(search), encoding="utf-8")
    assert f"its capacity under 20 ms {said}" in charts_by_id(example_run(), tmp_path)["capacity"].says


def test_a_broken_search_is_named(tmp_path: Path) -> None:
    (tmp_path / "capacity.json").write_text('{"found": {}}', encoding="utf-8")
    with pytest.raises(UsageError, match=r"capacity\.json.*endpoint"):
        load_searches(tmp_path, "digits_cnn")


def test_json_cannot_end_its_script() -> None:
    text = as_data({"a": "</script><!--"})
    assert "<" not in text and json.loads(text) == {"a": "</script><!--"}


def test_words() -> None:
    assert [size(n) for n in (12, 64_720, 1_086_681_484)] == ["12 B", "64.7 kB", "1.09 GB"]
    assert times(2.3456, 2.1, 2.55) == "2.35x [2.1, 2.55]" and times(2) == "2x"
    assert listed(["a"]) == "a" and listed(["a", "b", "c"], most=2) == "a, b and 1 more"
    assert percent(0.95) == "95%" and percent(0.99975) == "99.98%" and percent(0.999999) == "99.9999%"
    assert plain("../x y/<b>") == "x-y-b" and plain("///") == "x"
