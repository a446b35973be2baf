"""Which trials a run has, and which are made again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from example_report import example_report

from bakeoff.experiment.config import DEFAULT, Config, load_config
from bakeoff.experiment.stream import ATTEMPTS, draw_primers, draw_round, left_of, seeded
from bakeoff.host.catalog import load_targets, make_endpoints
from bakeoff.schema import Measurement, Plan, Trial, Workload, quoted

MODEL = example_report().models[0]
VALID = example_report().measurements[0]
INVALID = replace(VALID, verdict="invalid", reasons=(quoted("it was disturbed"),))
C1 = Workload("c1", "closed", concurrency=1)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Two endpoints of lean-tflite: small requests over gRPC, large ones over REST."""
    endpoints = make_endpoints(MODEL.name, load_targets()["lean-tflite"], ["tflite-fp32"], ["rest", "grpc"])
    requests = {}
    for wire, size in (("tfserving-rest", 2000), ("tfserving-grpc", 100)):
        (tmp_path / wire).write_bytes(bytes(size))
        requests[wire] = {1: (str(tmp_path / wire),)}
    return Plan(MODEL, "golden", tuple(endpoints), requests)


@pytest.fixture
def round_of(plan: Plan) -> Callable[..., list[Trial]]:
    """Return a function that draws a round of workloads."""
    config = load_config(DEFAULT, ["digits_cnn", "mobilenet_v2"], load_targets())

    def draw(*workloads: Workload, number: int = 0, **changes: Any) -> list[Trial]:
        experiment: Config = replace(config, workloads=workloads, **changes)
        return draw_round(experiment, plan, number, Path("out"))

    return draw


def pairs(trials: list[Trial]) -> set[tuple[str, str]]:
    return {(trial.endpoint, trial.workload.name) for trial in trials}


def test_a_round_has_every_endpoint_with_every_workload_in_a_drawn_order(round_of: Callable[..., list[Trial]]) -> None:
    c8 = replace(C1, name="c8", concurrency=8)
    rounds = [round_of(C1, c8, number=number) for number in range(20)]
    assert pairs(rounds[0]) == {(e, w) for e in ("lean-tflite-rest", "lean-tflite-grpc") for w in ("c1", "c8")}
    assert len({tuple(trial.id for trial in trials) for trials in rounds}) == 20
    assert len({tuple((t.endpoint, t.workload.name) for t in trials) for trials in rounds}) > 5
    assert [t.id for t in round_of(C1, c8)] == [t.id for t in rounds[0]]


def test_arrivals_are_the_same_for_every_endpoint_and_others_in_the_next_round(
    round_of: Callable[..., list[Trial]],
) -> None:
    poisson = Workload("open", "poisson", rate_rps=10)
    first, second = round_of(poisson), round_of(poisson, number=1)
    assert len({trial.workload.seed for trial in first}) == 1
    assert first[0].workload.seed != second[0].workload.seed
    seeds = [(name, run, number) for name in "ab" for run in (1, 2) for number in (0, 1)]
    drawn = {seeded(replace(poisson, name=name), run, number).seed for name, run, number in seeds}
    assert len(drawn) == 8


def test_a_workload_is_for_some_models_rounds_and_sizes(round_of: Callable[..., list[Trial]]) -> None:
    assert round_of(replace(C1, models=("other",))) == []
    assert pairs(round_of(replace(C1, max_request_bytes=1000))) == {("lean-tflite-grpc", "c1")}
    early = replace(C1, rounds=2)
    assert len(round_of(early, number=1)) == 2 and round_of(early, number=2) == []


def test_primers_load_all_endpoints_of_a_server_as_hard_as_any_workload_and_keep_nothing(plan: Plan) -> None:
    primers = draw_primers(
        "m", plan.endpoints, [C1, replace(C1, concurrency=8), Workload("o", "poisson", rate_rps=1)], 3
    )
    assert [primer.endpoint for primer in primers] == ["lean-tflite-rest", "lean-tflite-grpc"]
    assert {(p.workload.concurrency, p.workload.duration_s, p.samples) for p in primers} == {(8, 1.5, None)}


def test_what_was_disturbed_is_repeated_twice_at_most(round_of: Callable[..., list[Trial]]) -> None:
    trials = round_of(C1)
    out = Path("out")
    measured: dict[str, Measurement] = {}
    seen = []
    for _ in range(ATTEMPTS + 2):
        left = left_of(trials, measured, out)
        seen.append([(trial.endpoint, trial.attempt) for trial in left])
        for trial in left:
            found = VALID if trial.endpoint == "lean-tflite-grpc" else INVALID
            measured[trial.id] = replace(found, trial_id=trial.id, attempt=trial.attempt)
    assert [sorted(pairs) for pairs in seen] == [
        [("lean-tflite-grpc", 0), ("lean-tflite-rest", 0)],
        [("lean-tflite-rest", 1)],
        [("lean-tflite-rest", 2)],
        [],
        [],
    ]
    ids = [m.trial_id for m in measured.values() if m.verdict == "invalid"]
    assert [id.rsplit(".", 1)[1] for id in ids] == ["r0", "t1", "t2"]  # all tries are kept


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "valid"},
        {"format": "none"},
        {"error_count": 100},
        {"wrong_answers": 1},
        {"request_count": 0, "error_count": 0, "wrong_answers": 1},
    ],
    ids=["valid", "a floor", "nothing succeeded", "wrong answers", "wrong while warming up"],
)
def test_what_would_be_the_same_again_is_not_repeated(
    changes: dict[str, Any], round_of: Callable[..., list[Trial]]
) -> None:
    trials = round_of(C1)
    measured = {trial.id: replace(INVALID, **changes) for trial in trials}
    assert left_of(trials, measured, Path("out")) == []
