"""`scripts/bench --quick`: what the README promises, on real servers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = ("torchserve", "flask-torch", "lean-tflite", "lean-litert")
MEASURED = {
    *((target, protocol) for target in (*BINARY, "flask-tf") for protocol in ("rest", "grpc")),
    *((target, "binary") for target in BINARY),
}


def counts(m: dict[str, Any]) -> bool:
    """Tell whether a trial counts, and its median is known."""
    return m["verdict"] == "valid" and m["service_ms"]["p50"] is not None


@pytest.fixture(scope="module")
def results(quick_run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((quick_run / "results.json").read_text(encoding="utf-8"))
    return content


def test_results_fit_the_schema(results: dict[str, Any]) -> None:
    jsonschema.validate(results, json.loads((ROOT / "docs" / "results.schema.json").read_text(encoding="utf-8")))


def test_every_endpoint_is_measured_under_every_workload(results: dict[str, Any]) -> None:
    found = {(m["target"], m["protocol"], m["workload"]) for m in results["measurements"] if m["request_count"]}
    assert {(t, p, w) for t, p in MEASURED for w in ("c1", "c8")} <= found


def test_no_trial_is_excluded_or_repeated_for_its_latencies(results: dict[str, Any]) -> None:
    outside = {"load_busy", "steal", "throttled", "no_success"}
    assert {reason["code"] for m in results["measurements"] for reason in m["reasons"]} <= outside
    assert any(m["drift_percent"] is not None for m in results["measurements"])


def test_the_floor_is_measured_over_all_six_wires(results: dict[str, Any]) -> None:
    floor = {m["endpoint"] for m in results["measurements"] if m["target"] == "echo" and m["latency_ms"]["p50"]}
    assert len(floor) == 6
    # Where echo outruns the load generator, or the machine was taken from it, there is no floor.
    told = {(m["wire"], m["workload"]) for m in results["measurements"] if m["target"] == "echo" and counts(m)}
    for m in results["measurements"]:
        assert (m["floors"]["server_ms"] is not None) == ((m["wire"], m["workload"]) in told), m


@pytest.mark.skipif(shutil.which("nghttpd") is None, reason="nginx and nghttpd are not installed: no client floor here")
def test_the_client_floor_is_measured(results: dict[str, Any]) -> None:
    floor = {m["endpoint"] for m in results["measurements"] if m["target"] == "client-floor"}
    assert floor == {"client-floor-rest", "client-floor-binary", "client-floor-grpc"}
    told = {(m["protocol"], m["workload"]) for m in results["measurements"] if m["endpoint"] in floor and counts(m)}
    for m in results["measurements"]:
        assert (m["floors"]["client_ms"] is not None) == ((m["protocol"], m["workload"]) in told), m


def test_the_load_generator_watches_itself(results: dict[str, Any]) -> None:
    for m in results["measurements"]:
        assert m["workers"] == 1 and m["client_cpu_percent"] > 0 and m["held_back"] == 0, m
        assert (m["lag_ms"], m["achieved_rate"], m["gaps"]) == (None, None, None)  # closed loops


def test_nothing_failed_unnoticed(results: dict[str, Any]) -> None:
    for m in results["measurements"]:
        assert m["error_count"] == 0, m
        if m["request_count"] >= 7:  # on a busy machine a trial may have fewer
            assert m["latency_ms"]["p50"] > 0 and m["answers_checked"] > 0, m
        assert m["server_cpu_ms_per_request"] > 0 and m["peak_rss_bytes"] > 10_000_000, m


def test_latency_and_throughput_of_one_caller_agree(results: dict[str, Any]) -> None:
    """One caller that waits for each answer has one request under way, and one at each end of the window."""
    for m in results["measurements"]:
        if m["workload"] == "c1" and m["request_count"]:
            edges = 2 / m["request_count"] + m["latency_ms"]["max"] / 500
            assert m["throughput_rps"] * m["latency_ms"]["mean"] / 1000 <= 1.02 + edges, m


def test_all_formats_and_endpoints_compute_the_same(results: dict[str, Any]) -> None:
    fp32 = {"torchscript", "savedmodel", "tflite-fp32"}
    rows = [row for row in results["parity"] if row["format"] in fp32]
    assert {row["format"] for row in rows if row["kind"] == "format"} == fp32
    assert all(row["ok"] and row["max_abs_error"] <= 1e-4 for row in rows)
    proved = {row["endpoint"] for row in rows if row["kind"] == "serving"}
    measured = {m["endpoint"] for m in results["measurements"] if m["format"] != "none"}
    assert measured <= proved


def test_every_artifact_keeps_its_accuracy(results: dict[str, Any]) -> None:
    assert len(results["artifacts"]) == 6
    assert all(artifact["accuracy"] >= 0.98 for artifact in results["artifacts"])


@pytest.mark.skipif(shutil.which("tensorflow_model_server") is not None, reason="tensorflow_model_server is here")
def test_what_is_not_here_is_unavailable_with_its_remedy(results: dict[str, Any]) -> None:
    (state,) = [state for state in results["targets"] if state["name"] == "tfserving"]
    assert state["status"] == "unavailable"
    assert "tensorflow_model_server" in state["reason"]["text"] and state["remedy"]
    assert not [m for m in results["measurements"] if m["target"] == "tfserving"]


def test_every_edge_format_was_tried_in_both_runtimes(results: dict[str, Any]) -> None:
    support = {(s["target"], s["format"]): s for s in results["support"]}
    formats = {"tflite-fp32", "tflite-fp16", "tflite-dynamic", "tflite-int8"}
    assert set(support) == {(target, format) for target in ("lean-tflite", "lean-litert") for format in formats}
    assert all(s["supported"] and s["max_abs_error"] < 0.5 for s in support.values())


def test_figures_come_from_the_samples(quick_run: Path, results: dict[str, Any]) -> None:
    mine = [m for m in results["measurements"] if m["endpoint"] == "lean-tflite-grpc" and m["workload"] == "c1"]
    m = max(mine, key=lambda m: m["request_count"])
    table = pq.read_table(quick_run / "samples" / f"{m['trial_id']}.parquet")
    start, end = json.loads(table.schema.metadata[b"bakeoff"])["window_ns"]
    rows = [row for row in table.to_pylist() if start <= row["intended_ns"] < end]
    latencies = sorted((row["end_ns"] - row["intended_ns"]) / 1e6 for row in rows)
    assert len(rows) == m["request_count"]
    assert m["latency_ms"]["p50"] == latencies[-(-len(rows) // 2) - 1]
    assert len({latency % 1 for latency in latencies}) > 20  # nothing was rounded to milliseconds


def test_the_report_is_one_file_with_the_figures(quick_run: Path, results: dict[str, Any]) -> None:
    page = (quick_run / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page and len(page) < 2_000_000
    for endpoint in {m["endpoint"] for m in results["measurements"]}:
        assert endpoint in page
        assert endpoint in (quick_run / "report.md").read_text(encoding="utf-8")
    rows = json.loads((quick_run / "sizes.json").read_text(encoding="utf-8"))["rows"]
    weighed = {row["format"]: row["size_bytes"] for row in rows if row["sha256"]}
    assert weighed == {a["format"]: a["size_bytes"] for a in results["artifacts"]}


def test_nothing_is_left_running(quick_run: Path) -> None:
    servers = ROOT / ".bakeoff" / "servers"
    assert list(servers.iterdir()) == []
