"""What makes a run whole, and what each trial's place in it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from example_report import example_report

from bakeoff.experiment.config import DEFAULT, RunOptions, load_config
from bakeoff.experiment.runner import Run, find_gaps
from bakeoff.host.catalog import load_targets
from bakeoff.platforms.deploy import Selection
from bakeoff.platforms.local import Local
from bakeoff.report.words import reason_text
from bakeoff.schema import PROTOCOLS, Measurement, Reason, Report, quoted

NO_FORMATS = Selection((), PROTOCOLS)


@pytest.fixture
def valid() -> Measurement:
    return example_report().measurements[0]


def gaps(report: Report, *named: str, reference: str = "", selection: Selection = NO_FORMATS) -> list[Reason]:
    config = replace(load_config(DEFAULT, ["digits_cnn", "mobilenet_v2"], load_targets()), reference=reference)
    return find_gaps(Run(config, Local(), selection, RunOptions(named=named), Path("out"), report))


def test_an_unavailable_target_is_a_gap_only_where_it_was_named(valid: Measurement) -> None:
    report = replace(example_report(), measurements=(valid,))
    assert gaps(report) == []
    assert gaps(report, "tfserving") == [
        Reason("target_unavailable", {"target": "tfserving"}, report.targets[1].reason)
    ]


def test_a_reference_that_was_not_measured_is_a_gap(valid: Measurement) -> None:
    report = replace(example_report(), measurements=(valid,))
    assert gaps(report, reference=valid.endpoint) == []
    missing = Reason("reference_not_measured", {"endpoint": "tfserving-rest"})
    assert gaps(report, reference="tfserving-rest") == [missing]


def not_measured(endpoint: str) -> Reason:
    return Reason("not_measured", {"model": "digits_cnn", "endpoint": endpoint, "workload": "c1"})


NOT_MEASURED = not_measured("lean-tflite-grpc")


def test_one_round_with_right_answers_is_enough(valid: Measurement) -> None:
    failed = replace(valid, verdict="invalid", reasons=(Reason("no_success"),), error_count=valid.request_count)
    report = replace(example_report(), measurements=(failed, replace(valid, round=1)))
    assert gaps(report) == []
    assert gaps(replace(report, measurements=(failed,))) == [NOT_MEASURED]


def test_a_busy_machine_is_no_gap(valid: Measurement) -> None:
    stolen = replace(valid, verdict="invalid", reasons=(Reason("steal", {"percent": 9.0}),))
    report = replace(example_report(), measurements=(stolen, replace(stolen, round=1)))
    assert gaps(report) == [] and gaps(report, reference=valid.endpoint) == []


def test_one_wrong_answer_is_a_gap(valid: Measurement) -> None:
    wrong = replace(valid, verdict="invalid", wrong_answers=1)
    assert gaps(replace(example_report(), measurements=(valid, wrong))) == [NOT_MEASURED]


def test_a_format_that_was_asked_for_and_could_not_be_made_is_a_gap(valid: Measurement) -> None:
    report = replace(example_report(), measurements=(valid,))
    asked = Selection((), PROTOCOLS, ("savedmodel",))
    assert gaps(report) == []
    values = {"model": "digits_cnn", "format": "savedmodel"}
    assert gaps(report, selection=asked) == [Reason("format_missing", values, quoted("no rule for aten.mine"))]


def test_failed_targets_and_failed_parity_are_gaps(valid: Measurement) -> None:
    report = replace(example_report(), measurements=(valid,))
    died = quoted("it died\nlog")
    failed = replace(report.targets[0], status="failed", reason=died)
    assert gaps(replace(report, targets=(failed,))) == [Reason("target_failed", {"target": "lean-tflite"}, died)]
    wrong = replace(report.parity[0], ok=False, endpoint="lean-tflite-grpc", message=quoted("error 2"))
    (gap,) = gaps(replace(report, parity=(wrong,)))
    assert reason_text(gap) == "lean-tflite-grpc failed parity at batch 1: error 2"


def test_the_floor_may_outrun_the_load_generator_but_must_answer(valid: Measurement) -> None:
    floor = replace(valid, target="echo", format="none", endpoint="echo-rest", verdict="invalid")
    report = example_report()
    assert gaps(replace(report, measurements=(valid, floor))) == []
    dead = replace(floor, error_count=floor.request_count)
    assert gaps(replace(report, measurements=(valid, dead))) == [not_measured("echo-rest")]
