"""Numbers that are made again from raw samples: doctored ones are put right, what samples can't tell is kept."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from example_report import example_report

from bakeoff.cli import main
from bakeoff.errors import UsageError
from bakeoff.measure.samples import table_of, write_samples
from bakeoff.report.words import reason_text
from bakeoff.results.recompute import find_changes, recount_report
from bakeoff.results.store import read_results, write_results
from bakeoff.schema import Disturbance, Measurement, Reason, Report, Sample, Watch
from bakeoff.schema.samples import Window

MS = 1_000_000
WATCH = Watch(0, "here 1", 1, cpu_percent=10.0, spin_percent=0.0, held_back=0)
STEAL = Reason("steal", {"percent": 9.0, "limit_percent": 3.0})


def write_trial(folder: Path, trial_id: str, ms: int, watch: Watch = WATCH) -> None:
    rows = [Sample(i * MS, i * MS, (i + ms) * MS, "ok", 1, 1, 0, None, 0) for i in range(500)]
    write_samples(folder / "samples" / f"{trial_id}.parquet", table_of(rows, []), Window(0, 500 * MS), [watch])


def trial(endpoint: str, number: int, **changes: object) -> Measurement:
    base = example_report().measurements[0]
    return replace(
        base,
        trial_id=f"{endpoint}.r{number}",
        endpoint=endpoint,
        round=number,
        **changes,  # type: ignore[arg-type]
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run of two endpoints, 2 and 4 ms, of which all figures are right."""
    trials = []
    for number in range(5):
        for endpoint, ms in (("a-grpc", 2), ("b-grpc", 4)):
            trials.append(trial(endpoint, number, attempt=number % 2))
            write_trial(tmp_path, trials[-1].trial_id, ms)
    report = recount_report(tmp_path, replace(example_report(), measurements=tuple(trials)))
    write_results(tmp_path, report, reason_text)
    return tmp_path


def command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["bakeoff", "report", str(folder)])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def doctored(folder: Path, change: dict[str, object]) -> Report:
    """Change the first measurement in results.json; return the report as it was."""
    path = folder / "results.json"
    right = read_results(folder)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["measurements"][0] |= change
    path.write_text(json.dumps(content), encoding="utf-8")
    return right


def test_figures_are_those_of_the_samples(run: Path) -> None:
    report = read_results(run)
    assert {(m.endpoint, m.latency_ms.p50) for m in report.measurements} == {("a-grpc", 2.0), ("b-grpc", 4.0)}
    assert {(s.endpoint, s.latency_ms.p50) for s in report.summary} == {("a-grpc", 2.0), ("b-grpc", 4.0)}
    (p50,) = (c for c in report.comparisons if c.metric == "p50")
    assert (p50.a, p50.b, p50.ratio, p50.verdict) == ("b-grpc", "a-grpc", 2.0, "slower")
    assert report.reference == "a-grpc"


def test_a_report_that_is_right_does_not_change(run: Path) -> None:
    report = read_results(run)
    again = recount_report(run, report)
    assert again == report and find_changes(report, again) == []


@pytest.mark.parametrize(
    ("judged_by", "judged"), [("p99", ["p99"]), ("", []), (None, ["p50"])], ids=["said", "none", "older"]
)
def test_what_a_workload_is_judged_by_outlives_the_samples(run: Path, judged_by: str | None, judged: list[str]) -> None:
    report = read_results(run)
    trials = tuple(replace(m, judged_by=judged_by) for m in report.measurements)
    again = recount_report(run, replace(report, measurements=trials))
    assert {m.judged_by for m in again.measurements} == {judged_by}
    assert [c.metric for c in again.comparisons if c.verdict] == judged


def test_a_doctored_number_is_put_right_and_said(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = doctored(run, {"throughput_rps": 9_999_999.0})
    assert command(run, monkeypatch) == 0
    said = capsys.readouterr().err
    assert "was edited or made by another version" in said
    assert "measurements[a-grpc.r0].throughput_rps: 996.0, was 9999999.0" in said
    assert read_results(run) == right
    assert "9,999,999" not in (run / "report.md").read_text(encoding="utf-8")
    assert command(run, monkeypatch) == 0
    assert "another version" not in capsys.readouterr().err


def test_a_doctored_ratio_or_verdict_is_put_right(run: Path) -> None:
    right = read_results(run)
    wrong = replace(right, comparisons=tuple(replace(c, ratio=1.0, verdict="same") for c in right.comparisons))
    assert recount_report(run, wrong) == right
    assert any(line.endswith("slower, was same") for line in find_changes(wrong, right))


def test_what_floating_point_does_is_no_change(run: Path) -> None:
    right = read_results(run)
    last_bits = tuple(replace(m, throughput_rps=m.throughput_rps * (1 + 1e-14)) for m in right.measurements)
    assert find_changes(replace(right, measurements=last_bits), right) == []


def test_a_bogus_reason_goes_and_a_true_one_comes(run: Path) -> None:
    doctored(run, {"verdict": "invalid", "reasons": [asdict(Reason("no_success"))]})
    assert recount_report(run, read_results(run)).measurements[0].verdict == "valid"
    write_trial(run, "a-grpc.r0", 2, replace(WATCH, held_back=3))
    assert recount_report(run, read_results(run)).measurements[0].reasons == (Reason("held_back", {"count": 3}),)


def test_what_samples_cannot_tell_is_kept(run: Path) -> None:
    kept = {"server_cpu_ms_per_request": 0.7, "peak_rss_bytes": 5, "disturbed": {"steal_percent": 9.0}}
    kept["disturbed"] = {"steal_percent": 9.0, "throttled_percent": None}
    doctored(run, kept | {"verdict": "invalid", "reasons": [asdict(STEAL)]})
    found = recount_report(run, read_results(run)).measurements[0]
    assert (found.verdict, found.reasons, found.disturbed) == ("invalid", (STEAL,), Disturbance(9.0, None))
    assert (found.server_cpu_ms_per_request, found.peak_rss_bytes, found.attempt) == (0.7, 5, 0)


def test_missing_samples_are_named(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run / "samples" / "b-grpc.r3.parquet"
    path.unlink()
    before = (run / "results.json").read_text(encoding="utf-8")
    assert command(run, monkeypatch) == 2
    assert f"{path}: no such file" in capsys.readouterr().err
    assert (run / "results.json").read_text(encoding="utf-8") == before


@pytest.mark.parametrize("how", ["cut", "text", "empty", "other columns", "no metadata"])
def test_broken_samples_are_named(how: str, run: Path) -> None:
    path = run / "samples" / "a-grpc.r0.parquet"
    content = path.read_bytes()
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "text":
        path.write_text("latency\n1\n", encoding="utf-8")
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "other columns":
        pq.write_table(pa.table({"x": [1]}).replace_schema_metadata(pq.read_schema(path).metadata), path)
    else:
        pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    with pytest.raises(UsageError, match="a-grpc.r0.parquet: holds no samples"):
        recount_report(run, read_results(run))


def test_a_folder_without_a_run_is_named_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path / "none", monkeypatch) == 2
    assert str(tmp_path / "none" / "results.json") in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
