"""The size report's rows, Pareto set, answers and files, from hand-made records."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from sizes_example import artifact, measured, model, process

from bakeoff.report.sizes import size_tables
from bakeoff.report.words import reason_text
from bakeoff.schema import Fidelity, MissingArtifact, Parity, quoted
from bakeoff.sizes import make_size_report, size_rows, write_sizes
from bakeoff.sizes.answers import UNTRAINED
from bakeoff.sizes.pareto import beats, pareto_set
from bakeoff.sizes.records import keep_measured, load_measured

NONE = None


def answers(*arguments: object) -> str:
    (lines,) = make_size_report(*arguments).answers.values()  # type: ignore[arg-type]
    return "\n".join(lines)


def test_rows_stand_by_model_then_size_and_those_without_an_artifact_last() -> None:
    artifacts = [artifact("a", 30), artifact("b", 10), artifact("c", 20, model="l")]
    rows = size_rows([model()], artifacts, missing=[MissingArtifact("m", "onnx", quoted("no such op"))])
    assert [(row.model, row.format) for row in rows] == [("l", "c"), ("m", "b"), ("m", "a"), ("m", "onnx")]
    assert (rows[-1].reason, rows[-1].size_bytes, rows[-1].pareto) == (quoted("no such op"), None, None)


def test_a_format_that_was_exported_after_all_is_not_missing() -> None:
    (row,) = size_rows([model()], [artifact("onnx")], missing=[MissingArtifact("m", "onnx", quoted("old"))])
    assert row.reason is None


def test_what_an_old_manifest_lacks_is_not_known() -> None:
    parity = Parity("m", "a", "r", "format", None, 0.25, True, 1)
    (row,) = size_rows([replace(model(), accuracy=None)], [artifact("a", fidelity=None, parity=(parity,))])
    unknown = (row.zstd_bytes, row.weights_bytes, row.graph_bytes, row.cosine, row.top1, row.accuracy_loss)
    assert unknown == (None,) * 6
    assert row.max_abs_error == 0.25  # of the parity, which they have
    assert (row.one_thread, row.app_bytes, row.runtime, row.relative_size) == (None,) * 4


def test_graph_and_loss_are_differences() -> None:
    base, small = artifact("torchscript", 2000), artifact("x", 1000, accuracy=0.85, weights_bytes=900)
    row = size_rows([model(accuracy=0.9)], [base, small])[0]
    assert (row.format, row.graph_bytes, row.relative_size) == ("x", 100, 0.5)
    assert row.accuracy_loss == pytest.approx(0.05) and row.accuracy_samples == 100


def test_figures_are_medians_over_processes_of_one_thread_count() -> None:
    ones = [process(p, load_ns=load, waited=p / 100) for p, load in ((1.0, 9), (30.0, 5), (2.0, 7))]
    (row,) = size_rows([model()], [artifact("a", 1000)], [measured("a", "r", *ones, process(0.5, threads=2))])
    one = row.one_thread
    assert one is not None and row.two_threads is not None
    assert (one.p50_ms, one.p50_low_ms, one.p50_high_ms, one.load_ms) == (2.0, 1.0, 30.0, 7e-6)
    assert (one.p10_ms, one.p90_ms, one.count, one.processes, one.waited) == (1.0, 4.0, 60, 3, 0.3)
    assert (row.two_threads.p50_ms, row.two_threads.processes) == (0.5, 1)


def test_an_app_carries_artifact_and_shared_objects_an_installation_all_packages() -> None:
    (row,) = size_rows([model()], [artifact("a", 1000)], [measured("a", "r", process())])
    assert (row.app_bytes, row.installed_bytes) == (1200, 1370)


def test_a_measurement_of_another_artifact_is_not_shown() -> None:
    (row,) = size_rows([model()], [artifact("a")], [measured("a", "r", process(), sha256="before")])
    assert row.one_thread is None and row.runtime is None


def test_each_runtime_has_its_row_and_one_that_refuses_says_why() -> None:
    refused = measured(
        "a", "old", runtime_bytes=None, shared_objects_bytes=None, reason=quoted("FULLY_CONNECTED version 12")
    )
    rows = size_rows([model()], [artifact("a")], [measured("a", "new", process()), refused])
    assert [(row.runtime, row.reason, row.pareto) for row in rows] == [
        ("new", None, True),
        ("old", quoted("FULLY_CONNECTED version 12"), None),
    ]
    assert rows[1].app_bytes is None and rows[1].size_bytes == rows[0].size_bytes


def test_an_artifact_that_answers_no_numbers_is_no_candidate() -> None:
    broken = artifact("a", 1, fidelity=Fidelity(float("inf"), None, 0.0, 20))
    rows = size_rows([model()], [broken, artifact("b", 1000)])
    assert rows[0].reason and rows[0].max_abs_error is None
    assert [row.pareto for row in rows] == [None, True]


@pytest.mark.parametrize(
    ("a", "b", "wins"),
    [
        ((1, 1), (1, 1), False),  # the same
        ((1, 1), (1, 2), True),
        ((1, 3), (2, 2), False),
        ((1, NONE), (2, 2), False),  # not known where the other is
        ((1, 1), (2, NONE), True),
        ((2, 1), (1, NONE), False),
        ((1, 1), (NONE, NONE), False),
    ],
)
def test_which_point_beats_which(a: tuple[float | None, ...], b: tuple[float | None, ...], wins: bool) -> None:
    assert beats(a, b) is wins


def test_there_is_always_a_best_point_whatever_was_not_measured() -> None:
    for values in permutations([1.0, 2.0, 3.0, None, None, None], 6):
        points = [values[0:2], values[2:4], values[4:6]]
        assert pareto_set(points)


def test_the_pareto_set_weighs_size_latency_and_accuracy() -> None:
    artifacts = [artifact("small", 10, 0.8), artifact("fast", 30, 0.9), artifact("worse", 40, 0.9)]
    runs = [measured("small", "r", process(3)), measured("fast", "r", process(1)), measured("worse", "r", process(2))]
    rows = size_rows([model()], artifacts, runs)
    assert {row.format: row.pareto for row in rows} == {"small": True, "fast": True, "worse": False}


def test_without_accuracy_the_top_1_is_weighed_and_without_that_the_error() -> None:
    def best(**fields: dict[str, float | None]) -> set[str]:
        made = [
            artifact(name, 10 + i, None, fidelity=Fidelity(error, 0.9, top1, 20))
            for i, (name, (top1, error)) in enumerate(fields.items())  # type: ignore[misc]
        ]
        return {row.format for row in size_rows([model(accuracy=None)], made) if row.pareto}

    assert best(a=(0.5, 0.1), b=(0.9, 0.2)) == {"a", "b"}  # type: ignore[arg-type]
    assert best(a=(0.9, 0.2), b=(0.9, 0.1)) == {"a"}  # type: ignore[arg-type]
    assert best(a=(None, 0.2), b=(None, 0.1)) == {"a", "b"}  # type: ignore[arg-type]


def test_the_smallest_within_a_hundredth_of_the_accuracy() -> None:
    artifacts = [artifact("tiny", 10, 0.889), artifact("small", 20, 0.89), artifact("large", 30, 0.9)]
    assert "smallest within 1% of the accuracy: small, 20 bytes (accuracy 0.8900, PyTorch 0.9000)" in answers(
        [model(accuracy=0.9)], artifacts
    )
    assert "within 1% of the accuracy: none" in answers([model(accuracy=0.99)], artifacts)


def test_what_was_not_measured_says_how_to() -> None:
    said = answers([model()], [artifact("a")])
    assert "fastest: not measured: run with --measure" in said
    assert "smallest app: not measured: run with --measure" in said


def test_fastest_and_smallest_app_name_the_runtime_and_what_was_left_out() -> None:
    runs = [
        measured("a", "quick", process(1.0), shared_objects_bytes=5000),
        measured("a", "light", process(2.0), shared_objects_bytes=100),
        measured("b", "quick", process(1.5), process(0.9), shared_objects_bytes=5000),
    ]
    said = answers([model()], [artifact("a", 1000), artifact("b", 2000), artifact("c", 3000)], runs)
    assert (
        "fastest: a in quick, 1 ms at one thread (accuracy 0.9000, PyTorch 0.9000); not told apart from b in quick"
        in said
    )
    assert "smallest app: a in light, 1,100 bytes: 1,000 bytes and 100 bytes of shared objects" in said
    assert said.count("(not measured: c)") == 2


def test_a_busy_machine_is_told() -> None:
    said = answers([model()], [artifact("a")], [measured("a", "r", process(waited=0.4))])
    assert "disturbed, so that their latency counts for nothing: a in r" in said
    assert "fastest: not known, the machine was busy" in said and "smallest app: a in r" in said


def test_no_claim_rests_on_a_disturbed_latency() -> None:
    runs = [measured("a", "r", process(1.0, waited=0.4)), measured("b", "r", process(2.0, waited=0.1))]
    artifacts = [artifact("a", 2000), artifact("b", 1000)]
    assert "fastest: b in r, 2 ms" in answers([model()], artifacts, runs)
    assert {row.format: row.pareto for row in size_rows([model()], artifacts, runs)} == {"a": False, "b": True}


def test_without_accuracy_the_answer_is_by_top_1_and_says_so() -> None:
    artifacts = [artifact("a", 10, None, top1=0.9), artifact("b", 20, None, top1=1.0)]
    said = answers([model(accuracy=None)], artifacts)
    assert "no accuracy: the model has no evaluate()): b, 20 bytes (top-1 as PyTorch in 100% of 20 samples)" in said
    assert "not known, the model has no evaluate() and gives no scores" in answers(
        [model(accuracy=None)], [artifact("a", 10, None)]
    )


def test_json_and_csv_hold_the_same(tmp_path: Path) -> None:
    runs = [measured("a", "r", process(2.0))]
    report = make_size_report(
        [model()], [artifact("a"), artifact("b", 2000)], runs, [MissingArtifact("m", "onnx", quoted("why"))]
    )
    write_sizes(tmp_path, report, reason_text)
    document = json.loads((tmp_path / "sizes.json").read_text(encoding="utf-8"))
    with (tmp_path / "sizes.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [row["format"] for row in document["rows"]] == [line["format"] for line in lines] == ["a", "b", "onnx"]
    assert document["rows"][0]["one_thread"]["p50_ms"] == float(lines[0]["one_thread.p50_ms"]) == 2.0
    assert document["rows"][1]["one_thread"] is None and lines[1]["one_thread.p50_ms"] == ""
    assert lines[2]["reason"] == "why"


def test_a_new_measurement_replaces_that_of_its_format_and_runtime_alone(tmp_path: Path) -> None:
    assert load_measured(tmp_path) == []
    keep_measured(tmp_path, [measured("a", "r", process(1)), measured("b", "r", process(2))])
    keep_measured(tmp_path, [measured("a", "r", process(9))])
    assert sorted((m.format, m.processes[0].p50_ns) for m in load_measured(tmp_path)) == [
        ("a", 9_000_000),
        ("b", 2_000_000),
    ]


def test_tables_show_dashes_for_what_is_not_known_and_reasons_apart() -> None:
    report = make_size_report([model()], [artifact("a")], missing=[MissingArtifact("m", "onnx", quoted("no such op"))])
    weights, reasons = size_tables(report)
    row = dict(zip(weights.columns, weights.rows[0], strict=True))
    assert (row["bytes"], row["zstd"], row["weights"], row["top-1"]) == ("1,000", "–", "–", "–")
    assert reasons.rows == (("m", "onnx", "–", "no such op"),)


def test_a_format_measured_in_two_runtimes_is_one_row_of_weights_and_two_of_costs() -> None:
    runs = [measured("a", "r", process(1.0)), measured("a", "s", process(2.0))]
    weights, costs = size_tables(make_size_report([model()], [artifact("a")], runs))
    assert len(weights.rows) == 1 and weights.rows[0][2] == "*"
    assert [(row[2], row[3]) for row in costs.rows] == [("r 1", "*"), ("s 1", "")]


def test_the_answers_say_that_weights_were_drawn_at_random() -> None:
    drawn = replace(model(), untrained=True)
    assert UNTRAINED in make_size_report([drawn], [artifact("a")]).answers["m"]
    assert UNTRAINED not in make_size_report([model()], [artifact("a")]).answers["m"]
