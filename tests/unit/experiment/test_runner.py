"""What makes a run whole, and what each trial's place in it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from example_report import example_report

from bakeoff.experiment.config import DEFAULT, load_config
from bakeoff.experiment.runner import Run, find_gaps
from bakeoff.host.catalog import load_targets
from bakeoff.measure.generator import LoadWorkers
from bakeoff.platforms.deploy import Selection
from bakeoff.platforms.local import Local
from bakeoff.schema import PROTOCOLS, Measurement, Report

NO_FORMATS = Selection((), PROTOCOLS)


@pytest.fixture
def valid() -> Measurement:
    return example_report().measurements[0]


def gaps(report: Report, *named: str, reference: str = "", selection: Selection = NO_FORMATS) -> list[str]:
    config = replace(load_config(DEFAULT, ["digits_cnn", "mobilenet_v2"], load_targets()), reference=reference)
    return find_gaps(Run(config, Local(), selection, LoadWorkers(), frozenset(named), None, Path("out"), report))


def test_an_unavailable_target_is_a_gap_only_where_it_was_named(valid: Measurement) -> None:
    report = replace(example_report(), measurements=(valid,))
    assert gaps(report) == []
    assert "tfserving is unavailable" in gaps(report, "tfserving")[0]


def test_a_reference_that_was_not_measured_is_a_gap(valid: Measurement) -> None:
    report = replace(example_report(), measurements=(valid,))
    assert gaps(report, reference=valid.endpoint) == []
    assert "nothing could be compared" in gaps(report, reference="tfserving-rest")[0]


NOT_MEASURED = "digits_cnn lean-tflite-grpc c1 was not measured: no right answers"


def test_one_round_with_right_answers_is_enough(valid: Measurement) -> None:
    failed = replace(valid, verdict="invalid", reasons=("no request succeeded",), error_count=valid.request_count)
    report = replace(example_report(), measurements=(failed, replace(valid, round=1)))
    assert gaps(report) == []
    assert gaps(replace(report, measurements=(failed,))) == [NOT_MEASURED]


def test_a_busy_machine_is_no_gap(valid: Measurement) -> None:
    stolen = replace(valid, verdict="invalid", reasons=("the hypervisor took 9.0% of the CPU time",))
    report = replace(example_report(), measurements=(stolen, replace(stolen, round=1)))
    assert gaps(report) == [] and gaps(report, reference=valid.endpoint) == []


def test_one_wrong_answer_is_a_gap(valid: Measurement) -> None:
    wrong = replace(valid, verdict="invalid", wrong_answers=1)
    assert gaps(replace(example_report(), measurements=(valid, wrong))) == [NOT_MEASURED]


def test_a_format_that_was_asked_for_and_could_not_be_made_is_a_gap(valid: Measurement) -> None:
    report = replace(example_report(), measurements=(valid,))
    asked = Selection((), PROTOCOLS, ("savedmodel",))
    assert gaps(report) == []
    assert gaps(report, selection=asked) == ["digits_cnn can't be had as savedmodel: no rule for aten.mine"]


def test_failed_targets_and_failed_parity_are_gaps(valid: Measurement) -> None:
    report = replace(example_report(), measurements=(valid,))
    failed = replace(report.targets[0], status="failed", reason="it died\nlog")
    assert gaps(replace(report, targets=(failed,))) == ["lean-tflite is failed: it died\nlog"]
    wrong = replace(report.parity[0], ok=False, endpoint="lean-tflite-grpc", message="error 2")
    assert "lean-tflite-grpc failed parity at batch 1: error 2" in gaps(replace(report, parity=(wrong,)))


def test_the_floor_may_outrun_the_load_generator_but_must_answer(valid: Measurement) -> None:
    floor = replace(valid, target="echo", format="none", endpoint="echo-rest", verdict="invalid")
    report = example_report()
    assert gaps(replace(report, measurements=(valid, floor))) == []
    dead = replace(floor, error_count=floor.request_count)
    assert gaps(replace(report, measurements=(valid, dead))) == [NOT_MEASURED.replace("lean-tflite-grpc", "echo-rest")]
