"""What refuses a run, what doesn't, and what keeps two from being compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from recorded_runs import MACHINE, WORKLOADS, recorded_run

from bakeoff.errors import UsageError
from bakeoff.report.words import reason_text
from bakeoff.results.gate import choose_reference, judge_runs
from bakeoff.schema import Image, Reason, Report, Surroundings, TargetState, quoted

EQUAL = {"base": 1.0, "a": 1.0, "b": 1.0}
OLD = recorded_run(EQUAL)


def with_artifact(report: Report, **changes: Any) -> Report:
    return replace(report, artifacts=(replace(report.artifacts[0], **changes),))


def without(report: Report, endpoint: str, workload: str = "c1") -> Report:
    """Return a run in which an endpoint's trials of a workload are all invalid."""
    invalid = {"verdict": "invalid", "reasons": (quoted("disturbed"),)}
    trials = [
        replace(m, **invalid) if (m.endpoint, m.workload) == (endpoint, workload) else m for m in report.measurements
    ]
    return replace(report, measurements=tuple(trials))


def test_a_repetition_passes() -> None:
    outcome = judge_runs(recorded_run(EQUAL, seed=2), OLD)
    assert (outcome.status, outcome.regressions, outcome.reasons, outcome.unjudged) == (0, (), (), ())
    assert {c.a for c in outcome.comparisons} == {"base", "a", "b"}


def test_a_slower_endpoint_fails_and_is_named() -> None:
    outcome = judge_runs(recorded_run(EQUAL | {"a": 1.3}, seed=2), OLD)
    assert outcome.status == 1
    assert {reason.code for reason in outcome.regressions} == {"slower"}
    where = [(r.values["endpoint"], r.values["workload"], r.values["metric"]) for r in outcome.regressions]
    assert where == [("a", "c1", "p50"), ("a", "c8", "throughput")]
    assert reason_text(outcome.regressions[0]).startswith("m a c1 p50 got slower: 1.")


def test_a_faster_endpoint_passes() -> None:
    outcome = judge_runs(recorded_run(EQUAL | {"a": 0.7}, seed=2), OLD)
    assert outcome.status == 0
    assert {c.a for c in outcome.comparisons if c.verdict == "faster"} == {"a"}


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({"size_bytes": 67_957}, 1, "bigger"),  # 5% and a byte of 64,720
        ({"size_bytes": 67_955}, 0, "same"),
        ({"size_bytes": 50_000}, 0, "smaller"),
        ({"accuracy": 0.979}, 1, "less accurate"),
        ({"accuracy": 0.98}, 0, "same"),  # 0.99 less the margin
        ({"accuracy": 1.0}, 0, "same"),
    ],
)
def test_an_artifact_may_neither_grow_nor_lose_accuracy(changes: dict[str, Any], status: int, word: str) -> None:
    outcome = judge_runs(with_artifact(OLD, **changes), OLD)
    assert (outcome.status, [c.word for c in outcome.changes]) == (status, [word])


def test_what_grew_is_told_to_the_byte() -> None:
    old, new = with_artifact(OLD, size_bytes=14_123_456), with_artifact(OLD, size_bytes=15_123_457, accuracy=0.5)
    assert tuple(map(reason_text, judge_runs(new, old).regressions)) == (
        "m tflite-int8 artifact bytes got bigger: 15,123,457, was 14,123,456",
        "m tflite-int8 accuracy got less accurate: 0.5000, was 0.9900",
    )


def test_an_accuracy_that_one_run_lacks_says_nothing() -> None:
    assert judge_runs(with_artifact(OLD, accuracy=None), OLD).changes == ()


def test_environments_and_images_may_grow_and_are_shown() -> None:
    def weighing(install: int, image: int) -> Report:
        state = TargetState("lean-tflite", "TensorFlow", "s", "2", "available", install_bytes=install)
        return replace(OLD, targets=(state,), images=(Image("lean-tflite", "n", "i", None, image, None),))

    outcome = judge_runs(weighing(200, 100), weighing(100, 200))
    assert [(c.what, c.word) for c in outcome.changes] == [("install bytes", "bigger"), ("image bytes", "smaller")]
    assert outcome.status == 0


def test_an_endpoint_that_is_gone_fails() -> None:
    outcome = judge_runs(recorded_run({"base": 1.0, "a": 1.0}), OLD)
    assert list(map(reason_text, outcome.regressions)) == ["m b has no valid trial of c1, c8 any more"]
    gone = Reason("no_valid_trial", {"model": "m", "endpoint": "a", "workloads": "c1"})
    assert judge_runs(without(OLD, "a"), OLD).regressions == (gone,)


def test_what_is_only_in_the_new_run_and_what_it_was_not_asked_for_is_no_reason() -> None:
    old = recorded_run({"base": 1.0, "a": 1.0})
    assert judge_runs(OLD, old).status == 0
    other = replace(OLD.models[0], name="n")
    both = replace(
        OLD,
        models=(*OLD.models, other),
        measurements=(*OLD.measurements, *(replace(m, model="n") for m in OLD.measurements)),
    )
    assert judge_runs(OLD, both).status == 0
    asked = replace(OLD, config=OLD.config | {"models": ["m", "n"]})
    assert len(judge_runs(asked, both).regressions) == 3  # it was asked for, and isn't there


def test_a_floor_that_is_gone_is_no_regression() -> None:
    floor = tuple(replace(m, endpoint="client-floor-rest", target="client-floor") for m in OLD.measurements)
    assert judge_runs(OLD, replace(OLD, measurements=(*OLD.measurements, *floor))).status == 0


def test_a_median_that_became_a_failure_is_no_pass() -> None:
    failing = tuple(
        replace(m, latency_ms=replace(m.latency_ms, p50=None)) if (m.endpoint, m.workload) == ("a", "c1") else m
        for m in OLD.measurements
    )
    outcome = judge_runs(replace(OLD, measurements=failing), OLD)
    values = {"model": "m", "endpoint": "a", "workload": "c1", "metric": "p50"}
    assert outcome.regressions == (Reason("metric_gone", values),)


def test_an_artifact_that_is_no_longer_exported_fails() -> None:
    assert judge_runs(replace(OLD, artifacts=()), OLD).regressions == (
        Reason("not_exported", {"model": "m", "format": "tflite-int8"}),
    )


def test_runs_with_too_few_rounds_do_not_pass() -> None:
    outcome = judge_runs(recorded_run(EQUAL, seed=2, rounds=3), recorded_run(EQUAL, rounds=3))
    assert outcome.status == 2 and outcome.reasons == ()
    assert "m a c1 p50: 3 rounds, and a verdict takes 5" in map(reason_text, outcome.unjudged)


def test_runs_with_nothing_that_gets_a_verdict_do_not_pass() -> None:
    def at_two(report: Report) -> Report:
        return replace(report, measurements=tuple(replace(m, concurrency=2) for m in report.measurements))

    outcome = judge_runs(at_two(OLD), at_two(OLD))
    assert (outcome.status, outcome.unjudged) == (2, (Reason("nothing_judged"),))


def judged_by(report: Report, **names: str) -> Report:
    """Return a run that says what its workloads are judged by, in its configuration and its trials."""
    workloads = [w | {"judged_by": names.get(str(w["name"]), "")} for w in WORKLOADS]
    trials = tuple(
        replace(m, judged_by=names.get(m.workload, ""), latency_ms=replace(m.latency_ms, p99=m.latency_ms.p50))
        for m in report.measurements
    )
    return replace(report, config=report.config | {"workloads": workloads}, measurements=trials)


def test_a_baseline_that_does_not_say_what_it_is_judged_by_is_judged_as_usual() -> None:
    new = judged_by(recorded_run(EQUAL | {"a": 1.3}, seed=2), c1="p50", c8="throughput")
    assert judge_runs(new, OLD).regressions == judge_runs(recorded_run(EQUAL | {"a": 1.3}, seed=2), OLD).regressions


def test_the_new_run_says_what_is_judged() -> None:
    old = judged_by(OLD, c1="p50", c8="throughput")
    outcome = judge_runs(judged_by(recorded_run(EQUAL | {"a": 1.3}, seed=2), c8="p99"), old)
    assert {(c.workload, c.metric) for c in outcome.comparisons if c.verdict} == {("c8", "p99")}
    (slower,) = outcome.regressions
    assert (slower.code, slower.values["workload"], slower.values["metric"]) == ("slower", "c8", "p99")
    assert (outcome.reasons, outcome.unjudged) == ((), ())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"machine": MACHINE | {"cpu": "another"}}, "other machine: cpu"),
        ({"config": {"workloads": WORKLOADS, "cpus": {"server": "0-3", "load": "1"}}}, "other CPU set of the servers"),
        ({"models": (replace(OLD.models[0], sha256="b" * 64),)}, "other weights of the model m"),
        ({"config": OLD.config | {"workloads": [WORKLOADS[0] | {"duration_s": 9}, WORKLOADS[1]]}}, "the workload c1"),
        ({"platform": "docker"}, "other platform"),
        ({"paused": False}, "other stopping of idle servers"),
        ({"surroundings": Surroundings("bridge", True, "0", "1")}, "other network"),
        ({"restarted": False}, "--restart-between-rounds"),
    ],
)
def test_what_differs_is_a_reason_and_nothing_is_said_of_speed(changes: dict[str, Any], reason: str) -> None:
    outcome = judge_runs(replace(OLD, **changes), OLD)
    assert outcome.status == 2 and outcome.comparisons == ()
    assert len(outcome.reasons) == 1 and reason in reason_text(outcome.reasons[0])


def test_other_threads_are_a_reason_where_both_wrote_them_down() -> None:
    def served(threads: int | None) -> Report:
        return replace(OLD, targets=(TargetState("a", "f", "s", "1", "available", workers=1, threads=threads),))

    assert judge_runs(served(4), served(1)).reasons[0].code == "other_workers"
    assert judge_runs(served(4), served(None)).reasons == ()


def test_a_configuration_that_cannot_be_read_is_named() -> None:
    broken = replace(OLD, config={"workloads": [{"name": "c1", "arrival": "closed", "speed": 9}]})
    with pytest.raises(UsageError, match="the new run's results.json: config.workloads: 0.speed"):
        judge_runs(broken, OLD)


# Ratios within each run


def test_relative_to_a_reference_another_machine_is_no_reason_and_its_speed_cancels() -> None:
    faster = recorded_run({"base": 0.3, "a": 0.3, "b": 0.3}, seed=2, machine=MACHINE | {"cpu": "another"})
    outcome = judge_runs(faster, OLD, relative=True, reference="base")
    assert (outcome.status, outcome.reference, {c.a for c in outcome.comparisons}) == (0, "base", {"a", "b"})
    slower = recorded_run({"base": 0.3, "a": 0.45, "b": 0.3}, seed=2, machine=MACHINE | {"cpu": "another"})
    assert judge_runs(slower, OLD, relative=True, reference="base").status == 1


def test_the_reference_is_the_one_asked_for_the_old_runs_or_the_first_that_both_have() -> None:
    assert choose_reference(OLD, OLD, "b") == "b"
    assert choose_reference(OLD, replace(OLD, reference="base"), None) == "base"
    assert choose_reference(OLD, replace(OLD, reference="gone"), None) == "a"
    assert choose_reference(recorded_run({"b": 1.0, "c": 1.0}), OLD, None) == "b"
    with pytest.raises(UsageError, match="--reference: 'gone' has no valid trials in both runs; allowed: a, b, base"):
        choose_reference(OLD, OLD, "gone")
    with pytest.raises(UsageError, match="no endpoint has valid trials in both"):
        choose_reference(recorded_run({"z": 1.0}), OLD, None)
