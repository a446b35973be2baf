"""Two frameworks compared, whichever they are: a winner only where a verdict or a count says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from example_run import ENDPOINTS, SIDES, contest, criterion, example_run

from bakeoff.report import write_report
from bakeoff.report.answer import claims
from bakeoff.report.categories import categories
from bakeoff.report.criteria import compare_frameworks
from bakeoff.report.html import place
from bakeoff.report.trust import notices
from bakeoff.results.recompute import summarize_report
from bakeoff.schema import EdgeMeasurement, MissingArtifact, Report, quoted


def test_a_framework_wins_only_against_all_of_the_others_endpoints() -> None:
    clear = criterion(example_run(), "Latency")
    assert (
        clear.winner == "TensorFlow" and clear.outcome.startswith("TensorFlow: ") and clear.outcome.endswith("faster")
    )
    assert clear.best[0].endswith("flask-torch-rest") and clear.best[1].endswith("lean-tflite-grpc")
    near = criterion(
        example_run(p50s={"torchserve-rest": 2.0, "flask-torch-rest": 0.4, "lean-tflite-grpc": 0.4}), "Latency"
    )
    assert near.winner is None


def test_pytorch_can_win_and_the_mark_lies_on_its_side() -> None:
    found = criterion(example_run(p50s={"torchserve-rest": 0.2, "lean-tflite-rest": 0.8}), "Throughput")
    assert found.winner == "PyTorch" and found.outcome.startswith("PyTorch: ")
    assert found.ratio is not None and found.ratio < 1 and place(found.ratio) < 50


def with_frameworks(report: Report, **frameworks: str) -> Report:
    targets = tuple(replace(s, framework=frameworks.get(s.name.replace("-", "_"), s.framework)) for s in report.targets)
    return replace(report, targets=targets)


def test_a_third_framework_is_compared_with_each_of_the_others(tmp_path: Path) -> None:
    report = with_frameworks(example_run(), flask_torch="JAX")
    found = compare_frameworks(contest(report))
    assert [versus.sides for versus in found] == [("PyTorch", "TensorFlow"), ("PyTorch", "JAX"), ("TensorFlow", "JAX")]
    latency = criterion(report, "Latency", ("PyTorch", "JAX"))
    assert latency.winner == "JAX" and latency.best[1] is not None and latency.best[1].endswith("flask-torch-rest")
    assert criterion(report, "Latency", ("TensorFlow", "JAX")).winner == "TensorFlow"
    sizes = criterion(report, "Artifact size", ("PyTorch", "JAX"))
    assert not sizes.measured and sizes.best[1] is None and "JAX" in sizes.why
    write_report(tmp_path, report)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "TensorFlow against JAX" in page and page.count('-versus-2"') >= 2


def test_a_contender_of_no_framework_is_on_no_side() -> None:
    report = with_frameworks(example_run(), lean_tflite="none")
    assert [versus.sides for versus in compare_frameworks(contest(report))] == [SIDES]
    assert not criterion(report, "Latency").measured
    assert claims(contest(report))[0].who == "lean-tflite over gRPC"


def judged_otherwise(report: Report) -> Report:
    """Return a run of two callers, judged by the p50, and of an open loop, judged by the p99."""
    trials = [
        replace(m, workload="two", concurrency=2, judged_by="p50")
        if m.workload == "c1"
        else replace(m, workload="open", arrival="poisson", concurrency=None, rate_rps=125.0, judged_by="p99")
        for m in report.measurements
    ]
    workloads = [{"name": "two", "judged_by": "p50"}, {"name": "open", "judged_by": "p99"}]
    changed = replace(report, config=report.config | {"workloads": workloads})
    return summarize_report(changed, trials, "torchserve-rest")


def test_an_experiment_with_other_workloads_gets_verdicts_and_is_said_to_be_theirs(tmp_path: Path) -> None:
    report = judged_otherwise(example_run())
    fast, tail, _ = claims(contest(report))
    assert (fast.asked, fast.sure) == ("Answers fastest", "sure")
    assert (tail.asked, tail.who, tail.sure) == ("Best p99", "lean-tflite over gRPC", "sure")
    assert tail.figure == "3.16 ms p99" and " faster than torchserve-rest; ahead of all 4 others" in tail.says
    assert criterion(report, "p99").winner == "TensorFlow"
    write_report(tmp_path, report)
    said = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "family of ratios: p50 at two callers and p99 at 125 requests a second, floors apart" in said
    assert "caller and" not in said and "at eight" not in said
    assert "p99_ratio_verdict" in (tmp_path / "results.csv").read_text(encoding="utf-8").splitlines()[0]


def test_cost_follows_the_price_of_the_hour() -> None:
    report = example_run(noise=0)
    found = criterion(report, "Cost of a million")
    # 0.36 an hour is 0.0001 a second: 5,000 a second cost 0.02 a million, 1,250 cost 0.08.
    assert found.best == ("0.08, flask-torch-rest", "0.02, lean-tflite-grpc")
    free = replace(report, config={key: value for key, value in report.config.items() if key != "price_per_hour"})
    assert criterion(free, "Cost of a million").measured is False


def test_sizes_are_counted_and_memory_has_no_winner() -> None:
    report = example_run()
    assert criterion(report, "Artifact size").winner == "TensorFlow"
    start = criterion(report, "Start-up")
    assert start.winner is None and "no interval" in start.why and start.outcome == "PyTorch's figure is 3x lower"


def test_the_eight_categories_are_there_and_only_those_with_evidence_are_measured() -> None:
    one = contest()
    found = categories([one], [compare_frameworks(one)])
    assert len(found) == 8
    assert {c.name for c in found if c.measured} == {"Dynamic graphs", "Deployment"}
    assert "TensorFlow wins latency, throughput" in next(c.says for c in found if c.name == "Deployment")


def test_what_wins_with_one_model_is_not_said_of_another() -> None:
    ours = contest(example_run("a", p50s={"torchserve-rest": 2.0, "lean-tflite-rest": 0.5}))
    theirs = contest(example_run("b", p50s={"torchserve-rest": 0.5, "lean-tflite-rest": 2.0}))
    said = next(
        c.says
        for c in categories([ours, theirs], [compare_frameworks(one) for one in (ours, theirs)])
        if c.name == "Deployment"
    )
    assert "TensorFlow wins latency, throughput, cost of a million, artifact size of a; PyTorch wins latency" in said
    assert "; TensorFlow wins artifact size of b;" in said


def test_formats_that_did_not_hold_up_count_among_those_tried() -> None:
    gone = (MissingArtifact("digits_cnn", "onnx", "a free dimension is baked in"),)
    one = contest(replace(example_run(), missing_artifacts=gone))
    said = next(c.says for c in categories([one], [compare_frameworks(one)]) if c.name == "Dynamic graphs")
    assert "4 of 5 formats took every batch size tried" in said


def test_a_format_that_cannot_be_had_counts_against_its_framework_and_is_named() -> None:
    report = example_run()
    gone = replace(report, missing_artifacts=(MissingArtifact("digits_cnn", "executorch", quoted("no such operator")),))
    found = criterion(gone, "Dynamic shapes")
    assert found.best == ("1 of 2 formats", "3 of 3 formats") and "Unavailable: executorch" in found.why
    assert any(notice.what == "digits_cnn is unavailable as executorch" for notice in notices(gone))


def test_edge_size_counts_the_runtime_where_both_are_measured() -> None:
    report = example_run()
    lite = replace(report.artifacts[0], format="lite-interpreter", size_bytes=250_000)
    artifacts = (*report.artifacts, lite)
    assert criterion(replace(report, artifacts=artifacts), "Edge size").best[0] == "250 kB, lite-interpreter"
    edge = tuple(
        EdgeMeasurement("digits_cnn", a.format, a.sha256, runtime, "", "", version="1", shared_objects_bytes=weighs)
        for a, runtime, weighs in ((lite, "torch", 200_000_000), (report.artifacts[-1], "litert", 10_000_000))
    )
    found = criterion(replace(report, artifacts=artifacts, edge=edge), "Edge size")
    assert found.best[0].endswith("lite-interpreter in torch") and found.winner == "TensorFlow"
    served = EdgeMeasurement(
        "digits_cnn", "torchscript", lite.sha256, "torch.jit", "", "", version="1", shared_objects_bytes=1_000_000
    )
    assert criterion(replace(report, artifacts=artifacts, edge=(*edge, served)), "Edge size").best == found.best


def test_having_as_many_protocols_is_not_having_more() -> None:
    def outcome(*endpoints: str) -> str:
        return criterion(example_run(p50s={e: 1.0 for e in endpoints}), "Protocols").outcome

    assert outcome("torchserve-rest", "lean-tflite-rest") == "both speak the same"
    assert outcome("torchserve-rest", "lean-tflite-grpc") == "as many, not the same"
    assert outcome("torchserve-rest", "lean-tflite-rest", "lean-tflite-grpc") == "TensorFlow speaks more"
    assert outcome("torchserve-rest", "torchserve-grpc", "lean-tflite-grpc") == "PyTorch speaks more"


def test_what_was_not_measured_is_said_with_the_reason() -> None:
    report = example_run(p50s={e: ms for e, (target, _, _, ms) in ENDPOINTS.items() if target == "lean-tflite"})
    latency = criterion(report, "Latency")
    assert latency.best[0] is None and not latency.measured and "PyTorch" in latency.why
    edge = criterion(example_run(), "Edge size")
    assert not edge.measured and "No edge format of PyTorch" in edge.why
    nothing = replace(report, measurements=(), summary=(), artifacts=(), comparisons=())
    assert [claim.sure for claim in claims(contest(nothing))] == ["none"] * 3
